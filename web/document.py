"""GraphQL documents: parsed and validated once. Strawberry's own caches would keep documents of any length."""

from collections.abc import Iterator
from functools import lru_cache

from graphql import DocumentNode, GraphQLError, GraphQLSchema, parse
from graphql.validation import ASTValidationRule
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

CACHED_DOCUMENTS = 1_000
"""How many documents are kept."""
CACHED_LENGTH = 10_000
"""The longest document, in characters, that is kept."""

_cached_parse = lru_cache(CACHED_DOCUMENTS)(parse)


def document_of(query: str) -> DocumentNode:
    """Parses a document, or takes it from the cache; raises GraphQLSyntaxError."""
    return _cached_parse(query) if len(query) <= CACHED_LENGTH else parse(query)


@lru_cache(CACHED_DOCUMENTS)
def _cached_errors(schema: GraphQLSchema, query: str, rules: tuple[type[ASTValidationRule], ...]) -> list[GraphQLError]:
    return validate_document(schema, document_of(query), rules)


class CachedDocument(SchemaExtension):
    """Parses and validates in Strawberry's stead."""

    def on_parse(self) -> Iterator[None]:
        """Parses before Strawberry would."""
        self.execution_context.graphql_document = document_of(self.execution_context.query or "")
        yield

    def on_validate(self) -> Iterator[None]:
        """Validates before Strawberry would; a document too long for the cache is left to it."""
        context = self.execution_context
        query = context.query or ""
        if len(query) <= CACHED_LENGTH:
            errors = _cached_errors(context.schema._schema, query, context.validation_rules)
            context.pre_execution_errors = errors
        yield
