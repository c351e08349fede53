"""GraphQL documents: parsed, validated and compiled once, and kept for as long as they are in use."""

from functools import lru_cache

from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, get_operation_ast
from graphql.validation import validate

import settings
from schema.execution import Selections
from web.document_limits import DocumentLimits, measured, parsed

LIMITS = DocumentLimits(
    length=settings.QUERY_MAXIMUM_LENGTH,
    tokens=settings.QUERY_MAXIMUM_TOKENS,
    depth=settings.QUERY_MAXIMUM_DEPTH,
    aliases=settings.QUERY_MAXIMUM_ALIASES,
    directives=settings.QUERY_MAXIMUM_DIRECTIVES,
    repeated_fields=settings.QUERY_MAXIMUM_REPEATED_FIELDS,
    cost=settings.QUERY_MAXIMUM_COST,
    introspection=settings.INTROSPECTION,
)
CACHED_DOCUMENTS = 1_000
"""How many documents are kept."""
CACHED_LENGTH = 10_000
"""The longest document, in characters, that is kept."""


class Document:
    """A document with what was found out about it: whether it is valid, what it costs, and its compiled selections."""

    def __init__(self, schema: GraphQLSchema, query: str) -> None:
        self.nodes: DocumentNode | None = None
        self.errors: list[GraphQLError] = []
        try:
            self.nodes = parsed(query, LIMITS)
        except GraphQLError as error:
            self.errors = [error]
            return
        self.measures = measured(schema, self.nodes, LIMITS)
        self.errors = self.measures.errors or validate(schema, self.nodes)
        # What these two remember is bound to the nodes of this document, and lives as long as they do.
        self.selections = Selections(self.nodes)
        self.selected: dict[tuple[object, ...], bool] = {}

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """Returns the operation of this name or, without a name, the only one; None when there is no such one."""
        return get_operation_ast(self.nodes, name) if self.nodes else None


_cached = lru_cache(CACHED_DOCUMENTS)(Document)


def document_of(schema: GraphQLSchema, query: str) -> Document:
    """Returns the document of a text, from the cache unless it is very long."""
    return _cached(schema, query) if len(query) <= CACHED_LENGTH else Document(schema, query)
