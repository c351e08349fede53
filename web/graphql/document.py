"""GraphQL documents: parsed, validated and compiled once, and cached while they are in use."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema, get_operation_ast
from graphql.validation import validate

from schema.execution.operation import Operation
from web.graphql.labels import label_operation
from web.graphql.limits import DocumentLimits, Measures, parse_document
from web.graphql.walk import measure_document

CACHED_DOCUMENTS = 1_000
"""The highest number of cached documents."""
CACHED_LENGTH = 10_000
"""The longest document, in characters, that is cached when its text was sent."""
CACHED_CHARACTERS = 300_000
"""The size of all cached documents together; they take up to a hundred megabytes."""
BYTES_PER_CHARACTER = 334
"""The bytes of memory that a character of this size takes at most."""
OPERATION_SIZE = 20
"""The characters that take as much memory, of about 300 bytes each, as an operation."""
PLAN_SIZE = 45
"""The same of a plan without its fields."""
FIELD_SIZE = 2
"""The same of a planned field."""


class Document:
    """A document with its errors, its cost and its operations."""

    def __init__(self, schema: GraphQLSchema, query: str, limits: DocumentLimits) -> None:
        self.schema = schema
        self.digest = blake2b(query.encode(errors="replace"), digest_size=16).digest()
        """The digest of the document's text."""
        self.nodes: DocumentNode | None = None
        self.errors: list[GraphQLError] = []
        self.selected: dict[tuple[object, ...], Any] = {}
        self.size = len(query)
        """The characters of the text, and those that its operations and plans count as."""
        self.note_growth: Callable[[int], None] = lambda size: None
        self._hides_suggestions = not limits.introspection
        self._operations: dict[str | None, Operation] = {}
        self._labels: dict[str | None, str] = {}
        try:
            self.nodes = parse_document(query, limits)
        except GraphQLError as error:
            self.errors = [error]
            self.measures = Measures(limits.cost, self.errors, {})
        else:
            self.measures = measure_document(schema, self.nodes, limits)
            # Validation is quadratic in places, so that only documents within the limits get it.
            self.errors = self.measures.errors or validate(
                schema, self.nodes, hide_suggestions=self._hides_suggestions
            )

    def operation(self, name: str | None) -> Operation | None:
        """Returns the operation of a name or, without a name, the only one; None without one."""
        try:
            return self._operations[name]
        except KeyError:
            node = get_operation_ast(self.nodes, name) if self.nodes else None
            # Unknown names are not cached: there is no end of them.
            if node is None or self.nodes is None:
                return None
            operation = Operation(
                self.schema,
                self.nodes,
                node,
                hides_suggestions=self._hides_suggestions,
                note_plan=self._note_plan,
            )
            self._operations[name] = operation
            self._note_size(OPERATION_SIZE)
            return operation

    def _note_plan(self, field_count: int) -> None:
        self._note_size(PLAN_SIZE + FIELD_SIZE * field_count)

    def _note_size(self, size: int) -> None:
        self.size += size
        self.note_growth(size)

    def label(self, name: str | None) -> str:
        """Returns the label of an operation of the document in metrics and logs."""
        try:
            return self._labels[name]
        except KeyError:
            operation = self.operation(name)
            if operation is None:
                return ""
            label = self._labels[name] = label_operation(operation.node)
            return label


class Documents:
    """A cache of the valid documents that were used last.

    A parsed document takes some hundred bytes per character, and each of its plans as many per
    field, so both are bounded together. An invalid document is not cached: many of them fill no
    memory.
    """

    def __init__(self, schema: GraphQLSchema, limits: DocumentLimits) -> None:
        self.schema = schema
        self.limits = limits
        self.cached: OrderedDict[str, Document] = OrderedDict()
        self.size = 0

    def find(self, query: str, *, is_named: bool = False) -> Document:
        """Returns the document of a text, cached or new; of a named one, however long it is."""
        document = self.cached.get(query)
        if document is not None:
            self.cached.move_to_end(query)
            return document
        document = Document(self.schema, query, self.limits)
        if not document.errors and (is_named or len(query) <= CACHED_LENGTH):
            self._add(query, document)
        return document

    def _add(self, query: str, document: Document) -> None:
        self.cached[query] = document
        document.note_growth = self._grow
        self._grow(document.size)

    def _grow(self, size: int) -> None:
        self.size += size
        while len(self.cached) > CACHED_DOCUMENTS or self.size > CACHED_CHARACTERS:
            # A document that is found moves to the end, so the first one was unused for longest.
            _, evicted = self.cached.popitem(last=False)
            # It may still be executed, and planned.
            evicted.note_growth = lambda size: None
            self.size -= evicted.size
