"""GraphQL documents: parsed, validated and compiled once, and kept for as long as they are in use."""

from collections import OrderedDict

from graphql import DocumentNode, GraphQLError, GraphQLSchema, get_operation_ast
from graphql.validation import validate

import settings
from schema.execution.operation import Operation
from web.graphql.document_limits import DocumentLimits, Measures, measured, parsed
from web.graphql.operation import label_of

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
CACHED_CHARACTERS = 300_000
"""How many characters all kept documents have together; they take up to a hundred megabytes."""


class Document:
    """A document with what was found out about it: whether it is valid, what it costs, and its operations."""

    def __init__(
        self, schema: GraphQLSchema, query: str, limits: DocumentLimits = LIMITS
    ) -> None:
        self.schema = schema
        self.nodes: DocumentNode | None = None
        self.errors: list[GraphQLError] = []
        self.selected: dict[tuple[object, ...], bool] = {}
        self._operations: dict[str | None, Operation] = {}
        self._labels: dict[str | None, str] = {}
        try:
            self.nodes = parsed(query, limits)
        except GraphQLError as error:
            self.errors = [error]
            self.measures = Measures(limits.cost, self.errors, {})
        else:
            self.measures = measured(schema, self.nodes, limits)
            self.errors = self.measures.errors or validate(schema, self.nodes)

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

    def label(self, name: str | None) -> str:
        """Returns what the operation of this name is called in metrics and logs; it must be in the document."""
        try:
            return self._labels[name]
        except KeyError:
            operation = self.operation(name)
            return (
                self._labels.setdefault(name, label_of(operation.node)) if operation else ""
            )


class Documents:
    """The valid documents that were used last, up to a number of them and of their characters together.

    A parsed document takes some hundred bytes for each of its characters, so what is kept is bounded by those. One that
    is rejected is not kept at all: whoever sends many of them fills no memory.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.kept: OrderedDict[str, Document] = OrderedDict()
        self.characters = 0

    def find(self, query: str) -> Document:
        """Returns the document of a text, kept or new."""
        document = self.kept.get(query)
        if document is not None:
            self.kept.move_to_end(query)
            return document
        document = Document(self.schema, query)
        if not document.errors and len(query) <= CACHED_LENGTH:
            self._keep(query, document)
        return document

    def _keep(self, query: str, document: Document) -> None:
        self.kept[query] = document
        self.characters += len(query)
        while len(self.kept) > CACHED_DOCUMENTS or self.characters > CACHED_CHARACTERS:
            forgotten, _ = self.kept.popitem(last=False)
            self.characters -= len(forgotten)
