"""GraphQL documents: parsed, validated and compiled once, and kept for as long as they are in use."""

from functools import lru_cache

from graphql import DocumentNode, GraphQLError, GraphQLSchema, get_operation_ast, parse
from graphql.validation import validate

from schema.execution import Operation

CACHED_DOCUMENTS = 1_000
"""How many documents are kept."""
CACHED_LENGTH = 10_000
"""The longest document, in characters, that is kept."""


class Document:
    """A document with what was found out about it: whether it is valid, and its operations."""

    def __init__(self, schema: GraphQLSchema, query: str) -> None:
        self.schema = schema
        self.nodes: DocumentNode | None = None
        self.errors: list[GraphQLError] = []
        self.selected: dict[tuple[object, ...], bool] = {}
        self._operations: dict[str | None, Operation] = {}
        try:
            self.nodes = parse(query)
        except GraphQLError as error:
            self.errors = [error]
        else:
            self.errors = validate(schema, self.nodes)

    def operation(self, name: str | None) -> Operation | None:
        """Returns the operation of this name or, without a name, the only one; None when there is no such one."""
        try:
            return self._operations[name]
        except KeyError:
            node = get_operation_ast(self.nodes, name) if self.nodes else None
            # Names that nothing has are not remembered: there is no end of them.
            if node is None or self.nodes is None:
                return None
            operation = self._operations[name] = Operation(self.schema, self.nodes, node)
            return operation


_cached = lru_cache(CACHED_DOCUMENTS)(Document)


def document_of(schema: GraphQLSchema, query: str) -> Document:
    """Returns the document of a text, from the cache unless it is very long."""
    return _cached(schema, query) if len(query) <= CACHED_LENGTH else Document(schema, query)
