"""The limits on GraphQL documents, and a document's measures by them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from graphql import DocumentNode, GraphQLError, parse

from settings.options import Options
from web.graphql.cost import Cost
from web.graphql.size import NOTHING

LIMIT_CODE = "DOCUMENT_LIMIT_EXCEEDED"
COST_CODE = "COST_LIMIT_EXCEEDED"


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The highest allowed numbers, and whether introspection is allowed."""

    length: int
    tokens: int
    depth: int
    aliases: int
    directives: int
    repeated_fields: int
    cost: int
    introspection: bool

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Returns the limits of an application."""
        return cls(
            length=options.query_maximum_length,
            tokens=options.query_maximum_tokens,
            depth=options.query_maximum_depth,
            aliases=options.query_maximum_aliases,
            directives=options.query_maximum_directives,
            repeated_fields=options.query_maximum_repeated_fields,
            cost=options.query_maximum_cost,
            introspection=options.introspection,
        )


@dataclass(frozen=True, slots=True)
class Measures:
    """The errors of a document, or the cost of each of its operations.

    When no cost depends on variables, `is_fixed`, it is checked once and not per request.
    """

    limit: int
    errors: list[GraphQLError]
    costs: Mapping[str | None, tuple[Cost, Mapping[str, Any]]]
    is_fixed: bool = True

    def cost(self, operation_name: str | None, variables: Mapping[str, Any] | None) -> int:
        """Returns the cost of an operation with its variables; 0 for an unknown operation."""
        name = operation_name or next(iter(self.costs), None)
        cost, defaults = self.costs.get(name, (NOTHING, {}))
        return cost.amount({**defaults, **(variables or {})})

    def extensions(
        self, operation_name: str | None, variables: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Returns the cost for the extensions of a response."""
        return {
            "cost": {
                "requested": self.cost(operation_name, variables),
                "maximum": self.limit,
            }
        }

    def rejection(
        self, operation_name: str | None, variables: Mapping[str, Any] | None
    ) -> GraphQLError | None:
        """Returns the error of a request that costs too much with its variables, else None."""
        if self.is_fixed:
            return None
        requested = self.cost(operation_name, variables)
        return cost_error(requested, self.limit) if requested > self.limit else None


def cost_error(requested: int, maximum: int) -> GraphQLError:
    """Returns the error for an operation that costs too much."""
    message = (
        f"The operation costs {requested}; at most {maximum} is allowed. "
        "Ask for smaller pages or fewer lists."
    )
    return GraphQLError(
        message,
        extensions={
            "code": COST_CODE,
            "cost": {"requested": requested, "maximum": maximum},
        },
    )


def parse_document(query: str, limits: DocumentLimits) -> DocumentNode:
    """Returns a parsed document; raises GraphQLError when it is too long or no GraphQL."""
    if len(query) > limits.length:
        raise limit_error(
            f"The document has {len(query)} characters; at most {limits.length} are allowed."
        )
    # Comments are lexed too, and cost as much as tokens.
    return parse(query, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)


def limit_error(message: str) -> GraphQLError:
    """Returns the error for a document beyond a limit."""
    return GraphQLError(message, extensions={"code": LIMIT_CODE})
