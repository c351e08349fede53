"""GraphQL documents: parsed and validated once. Strawberry's own caches would keep documents of any length."""

from collections.abc import Iterator
from functools import lru_cache

from graphql import DocumentNode, GraphQLError, GraphQLSchema
from graphql.validation import ASTValidationRule
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

import settings
from web.document_limits import DocumentLimits, Measures, measured, parsed

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


def _parsed(query: str) -> DocumentNode:
    return parsed(query, LIMITS)


_cached_parse = lru_cache(CACHED_DOCUMENTS)(_parsed)


def document_of(query: str) -> DocumentNode:
    """Parses a document, or takes it from the cache; raises GraphQLSyntaxError."""
    return _cached_parse(query) if len(query) <= CACHED_LENGTH else _parsed(query)


@lru_cache(CACHED_DOCUMENTS)
def _cached_measures(schema: GraphQLSchema, query: str) -> Measures:
    return measured(schema, document_of(query), LIMITS)


def measures_of(schema: GraphQLSchema, query: str) -> Measures:
    """Measures a document that can be parsed, or takes what was found from the cache."""
    if len(query) <= CACHED_LENGTH:
        return _cached_measures(schema, query)
    return measured(schema, document_of(query), LIMITS)


def _errors(schema: GraphQLSchema, query: str, rules: tuple[type[ASTValidationRule], ...]) -> list[GraphQLError]:
    return measures_of(schema, query).errors or validate_document(schema, document_of(query), rules)


_cached_errors = lru_cache(CACHED_DOCUMENTS)(_errors)


class CachedDocument(SchemaExtension):
    """Parses and validates in Strawberry's stead."""

    def on_parse(self) -> Iterator[None]:
        """Parses before Strawberry would."""
        self.execution_context.graphql_document = document_of(self.execution_context.query or "")
        yield

    def on_validate(self) -> Iterator[None]:
        """Validates before Strawberry would."""
        context = self.execution_context
        query = context.query or ""
        errors_of = _cached_errors if len(query) <= CACHED_LENGTH else _errors
        context.pre_execution_errors = errors_of(context.schema._schema, query, context.validation_rules)
        yield
