"""Compiled selections: a selection of plain fields becomes one Python function from a value to its answer.

graphql-core needs some ten microseconds a field: it looks up the type, builds an info and a path, and asks whether the
value can be awaited. Where everything below a field is a plain attribute, none of that can make a difference. Then the
whole selection is written once as the source of a function, such as

    def answer_1(source):
        return {"id": …source.id…, "items": [answer_2(item) for item in source.items]}

and that function answers from then on. It takes only values of the very class that a type expects. For anything else,
a null where none is allowed, a wrong class, an exception, it raises, and the stock path begins again from the same
value, so errors are made in one place only: the specification's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    is_leaf_type,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetails
from strawberry.types.field import StrawberryField

FieldDetailsList = list[FieldDetails]
Answer = Callable[[Any], Any]
"""From a field's value to what is sent."""

TYPENAME = "__typename"
MAXIMUM_FIELDS = 1_000
"""How many fields a compiled selection has at the most: fragments within fragments can make endlessly many."""


class Uncompilable(Exception):
    """Raised when a selection has something besides plain attributes; the stock path executes it then."""


class Unusual(Exception):
    """Raised by a compiled selection when a value is not what its type expects; the stock path says why."""


class SubfieldCollector(Protocol):
    """What groups the fields selected below others, with fragments and directives resolved: an executor."""

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields: ...


class RowSource(Protocol):
    """A class of lists that can be answered from rows, without making objects of them."""

    def write_rows(
        self, writer: "SelectionWriter", return_type: Any, details: FieldDetailsList
    ) -> str: ...


def unusual(value: object) -> Any:
    """Raises Unusual; to be called within an expression."""
    raise Unusual(type(value).__name__)


def listed(value: Any) -> Any:
    """Returns a list as it is; raises Unusual for what GraphQL would not take for one."""
    if isinstance(value, Sequence) and not isinstance(
        value, str | bytes | bytearray | memoryview
    ):
        return value
    raise Unusual(type(value).__name__)


_PLAIN = frozenset({str, int, float, bool, list, dict})
"""The classes of values that other scalars are written from; they are neither errors nor awaited."""

# How a scalar is written, as an expression over {value}, which the class before it has.
_SCALARS: dict[str, tuple[str, str]] = {
    "ID": ("str", "{value}"),
    "String": ("str", "{value}"),
    "DateTime": ("str", "{value}"),
    "Boolean": ("bool", "{value}"),
    "Int": (
        "int",
        "({value} if -2147483648 <= {value} <= 2147483647 else unusual({value}))",
    ),
}


class SelectionWriter:
    """Writes the functions of one selection.

    `row_sources` says, by the name of a type, which class of lists of it is answered from rows.
    """

    def __init__(
        self, collector: SubfieldCollector, row_sources: Mapping[str, RowSource]
    ) -> None:
        self._collector = collector
        self._row_sources = row_sources
        self._lines: list[str] = []
        self._count = 0
        self._field_count = 0
        self.names: dict[str, Any] = {"unusual": unusual, "listed": listed, "PLAIN": _PLAIN}

    def compiled(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> Answer:
        """Returns the function that answers a field of this type; raises Uncompilable."""
        expression = self.value(return_type, details, "value")
        source = "\n".join([*self._lines, f"def answer(value):\n    return {expression}"])
        # The source is made of our own schema's names and of response keys that are quoted by repr.
        exec(source, self.names)  # noqa: S102
        answer: Answer = self.names["answer"]
        return answer

    def fresh(self, kind: str) -> str:
        """Returns a name that nothing has yet."""
        self._count += 1
        return f"{kind}_{self._count}"

    def named(self, kind: str, value: object) -> str:
        """Gives a Python object a name within the functions."""
        name = self.fresh(kind)
        self.names[name] = value
        return name

    def define(self, parameters: str, body: Sequence[str]) -> str:
        """Writes a function and returns its name."""
        name = self.fresh("answer")
        self._lines += [f"def {name}({parameters}):", *(f"    {line}" for line in body)]
        return name

    def value(
        self, return_type: GraphQLOutputType, details: FieldDetailsList, raw: str
    ) -> str:
        """Writes the expression that answers the value of the expression `raw`, which is evaluated once."""
        if isinstance(return_type, GraphQLNonNull):
            return self._present(return_type.of_type, details, raw)
        name = self.fresh("value")
        return f"(None if ({name} := {raw}) is None else {self._present(return_type, details, name)})"

    def _present(
        self, return_type: GraphQLOutputType, details: FieldDetailsList, raw: str
    ) -> str:
        if isinstance(return_type, GraphQLList):
            return self._list(return_type, details, raw)
        if isinstance(return_type, GraphQLObjectType):
            return f"{self._object(return_type, details)}({raw})"
        if is_leaf_type(return_type):
            return self._leaf(return_type, raw)
        raise Uncompilable(str(return_type))

    def _list(
        self, return_type: GraphQLList[Any], details: FieldDetailsList, raw: str
    ) -> str:
        item, name = self.fresh("item"), self.fresh("value")
        listing = f"[{self.value(return_type.of_type, details, item)} for {item} in listed({name})]"
        kind = getattr(return_type.of_type, "of_type", return_type.of_type)
        row_source = self._row_sources.get(getattr(kind, "name", ""))
        if row_source is None:
            return f"({listing} if ({name} := {raw}) is not None else unusual(None))"
        from_rows = row_source.write_rows(self, return_type, details)
        source = self.named("Source", row_source)
        return f"({from_rows}({name}) if ({name} := {raw}).__class__ is {source} else {listing})"

    def _object(self, object_type: GraphQLObjectType, details: FieldDetailsList) -> str:
        definition = object_type.extensions.get("strawberry-definition")
        # Of a type with an interface Strawberry checks the class; that is done below, and more strictly.
        if (
            definition is None
            or definition.is_type_of
            or (object_type.is_type_of and not definition.interfaces)
        ):
            raise Uncompilable(f"{object_type} checks its values, or has no class.")
        kind = self.named("Kind", definition.origin)
        pairs = [
            f"{key!r}: {self.value(field.type, below, f'source.{name}') if field else repr(object_type.name)}"
            for key, name, field, below in self.fields(object_type, details)
        ]
        guard = f"if source.__class__ is not {kind}: unusual(source)"
        return self.define("source", [guard, f"return {{{', '.join(pairs)}}}"])

    def fields(
        self, object_type: GraphQLObjectType, details: FieldDetailsList
    ) -> Iterator[tuple[str, str, GraphQLField | None, FieldDetailsList]]:
        """Yields response key, Python name, field (None for __typename) and details of each selected field.

        Raises Uncompilable for a field that is no plain attribute, and for more than MAXIMUM_FIELDS.
        """
        collected = self._collector.collect_subfields(object_type, details)
        self._field_count += len(collected.grouped_field_set)
        if self._field_count > MAXIMUM_FIELDS:
            raise Uncompilable(f"There are more than {MAXIMUM_FIELDS} fields.")
        for key, below in collected.grouped_field_set.items():
            name = below[0].node.name.value
            if name == TYPENAME:
                yield key, "", None, below
            else:
                field = object_type.fields[name]
                yield key, _attribute(field, below), field, below

    def _leaf(self, leaf_type: GraphQLOutputType, raw: str) -> str:
        value = self.fresh("value")
        if isinstance(leaf_type, GraphQLEnumType):
            return f"{self.named('names', _enum_names(leaf_type))}[{raw}]"
        if isinstance(leaf_type, GraphQLScalarType) and leaf_type.name in _SCALARS:
            kind, written = _SCALARS[leaf_type.name]
            answer = written.format(value=value)
            return f"({answer} if ({value} := {raw}).__class__ is {kind} else unusual({value}))"
        serialize = self.named("serialize", leaf_type.coerce_output_value)  # type: ignore[union-attr]
        answer, plain = self.fresh("value"), f"({value} := {raw}).__class__ in PLAIN"
        return f"({answer} if {plain} and ({answer} := {serialize}({value})) is not None else unusual({value}))"


def _attribute(field: GraphQLField, details: FieldDetailsList) -> str:
    definition = field.extensions.get("strawberry-definition")
    is_plain = isinstance(definition, StrawberryField) and definition.is_basic_field
    is_deferred = any(each.defer_usage or each.fragment_variable_values for each in details)
    if not is_plain or field.args or is_deferred or definition is None:
        raise Uncompilable(details[0].node.name.value)
    return str(definition.python_name)


def _enum_names(enum: GraphQLEnumType) -> dict[Any, Any]:
    members = enum.extensions["strawberry-definition"].wrapped_cls
    return {member: enum.coerce_output_value(member) for member in members}
