"""Compiled selections: everything below a root field as one Python function.

graphql-core needs some ten microseconds per field: it looks up the type, builds an info and
a path, and asks whether the value can be awaited. Where everything below a field is a plain
attribute or a synchronous method, none of that can make a difference. Then the whole
selection is written once as the source of a function, such as

    def answer_1(source, variables):
        return {"id": …source.id…, "items": [answer_2(item, variables) for item in …]}

It takes only values of the very class that a type expects. For anything else, a null where
none is allowed, a wrong class, an exception, it raises, and graphql-core begins again from
the same value, so that errors are worded and placed by graphql-core alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from graphql import (
    GraphQLAbstractType,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_nullable_type,
)
from graphql.execution import Executor, VariableValues
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetails,
    GroupedFieldSet,
    collect_subfields,
)

from schema.execution.inputs import argument_reader
from schema.execution.strawberry_internals import find_definition

FieldDetailsList = list[FieldDetails]
Collector = Callable[[GraphQLObjectType, FieldDetailsList], CollectedFields]
"""Groups the fields selected below others, with fragments and directives resolved."""
Answer = Callable[[Any, VariableValues], Any]
"""From a field's value and the variables to the JSON that is sent."""

TYPENAME = "__typename"
MAXIMUM_FIELDS = 1_000
"""How many fields a plan has at the most: fragments within fragments can make endlessly many."""


class Uncompilable(Exception):
    """Raised when graphql-core is to execute an operation."""


class Unusual(Exception):
    """Raised by a compiled selection when a value is not what its type expects."""


class QueryField(NamedTuple):
    """A selected field of type Query: its response key, its parent's type, its type and nodes."""

    key: str
    parent_type: GraphQLObjectType
    query_type: GraphQLObjectType
    details: FieldDetailsList


class RowSource(Protocol):
    """A class of lists that can be answered from rows, without making objects of them."""

    def write_rows(
        self, writer: "SelectionWriter", return_type: Any, details: FieldDetailsList
    ) -> str: ...


def unusual(value: object) -> Any:
    """Raises Unusual; to be called within an expression."""
    raise Unusual(type(value).__name__)


def check_list(value: Any) -> Any:
    """Returns a list as it is; raises Unusual for what GraphQL would not take for one."""
    if isinstance(value, Sequence) and not isinstance(
        value, str | bytes | bytearray | memoryview
    ):
        return value
    return unusual(value)


_PLAIN = frozenset({str, int, float, bool, list, dict})
"""The classes of values that other scalars are written from; none is an error or awaitable."""

# How a scalar is written, as an expression over {value}, which has the class before it.
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
    """Writes the functions of the selections of one plan.

    `row_sources` has, by the name of a type, the class of lists of it that is answered from
    rows. Every function that is written takes `variables` as its last parameter.
    """

    def __init__(
        self, executor: Executor[Any], row_sources: Mapping[str, RowSource]
    ) -> None:
        self.collect: Collector = partial(
            collect_subfields,
            executor.schema,
            executor.fragments,
            executor.variable_values,
            executor.operation,
        )
        self._schema = executor.schema
        self._row_sources = row_sources
        self.coordinates = set[str]()
        """The fields that were written, as `Type.field`."""
        self._lines: list[str] = []
        self._queries: list[QueryField] = []
        self._count = 0
        self.field_count = 0
        self.names: dict[str, Any] = {
            "unusual": unusual,
            "check_list": check_list,
            "PLAIN": _PLAIN,
        }

    def compile(
        self, return_type: GraphQLOutputType, details: FieldDetailsList
    ) -> tuple[Answer, list[QueryField]]:
        """Returns the function that answers a field, and the fields of type Query below it.

        Such a field is answered by its value, in whose place its own answer is to be put.
        Raises Uncompilable.
        """
        self._lines, self._queries = [], []
        name = self.define("value", [f"return {self.value(return_type, details, 'value')}"])
        # The source is made of our schema's names and of response keys quoted by repr.
        exec("\n".join(self._lines), self.names)  # noqa: S102
        return self.names[name], self._queries

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
        """Writes a function of the parameters and `variables`, and returns its name."""
        name = self.fresh("answer")
        # A row's text that is kept is made without variables: it must not depend on them.
        self._lines += [f"def {name}({parameters}, variables=None):"]
        self._lines += [f"    {line}" for line in body]
        return name

    def value(
        self, return_type: GraphQLOutputType, details: FieldDetailsList, raw: str
    ) -> str:
        """Writes the expression that answers the expression `raw`, which is evaluated once."""
        if isinstance(return_type, GraphQLNonNull):
            return self._present(return_type.of_type, details, raw)
        name = self.fresh("value")
        present = self._present(return_type, details, name)
        return f"(None if ({name} := {raw}) is None else {present})"

    def _present(
        self, return_type: GraphQLOutputType, details: FieldDetailsList, raw: str
    ) -> str:
        if isinstance(return_type, GraphQLList):
            return self._list(return_type, details, raw)
        if isinstance(return_type, GraphQLObjectType):
            return f"{self._object(return_type, details)}({raw}, variables)"
        if isinstance(return_type, GraphQLInterfaceType | GraphQLUnionType):
            return f"{self._abstract(return_type, details)}({raw}, variables)"
        return self._leaf(return_type, raw)

    def _list(
        self, return_type: GraphQLList[Any], details: FieldDetailsList, raw: str
    ) -> str:
        item, name = self.fresh("item"), self.fresh("value")
        answer = self.value(return_type.of_type, details, item)
        answers = f"[{answer} for {item} in check_list({name})]"
        kind = get_nullable_type(return_type.of_type)
        row_source = self._row_sources.get(getattr(kind, "name", ""))
        if row_source is None:
            return f"({answers} if ({name} := {raw}) is not None else unusual(None))"
        from_rows = row_source.write_rows(self, return_type, details)
        source = self.named("Source", row_source)
        return (
            f"({from_rows}({name}, variables) "
            f"if ({name} := {raw}).__class__ is {source} else {answers})"
        )

    def _object(self, object_type: GraphQLObjectType, details: FieldDetailsList) -> str:
        definition = find_definition(object_type)
        # Strawberry checks the class where a type has an interface; this does so anyway.
        is_checked = object_type.is_type_of and not (definition and definition.interfaces)
        if definition is None or definition.is_type_of or is_checked:
            raise Uncompilable(f"{object_type} checks its values, or has no class.")
        kind = self.named("Kind", definition.origin)
        pairs = [
            f"{key!r}: {self._field(object_type, key, field, below)}"
            for key, _, field, below in self.fields(object_type, details)
        ]
        guard = f"if source.__class__ is not {kind}: unusual(source)"
        return self.define("source", [guard, f"return {{{', '.join(pairs)}}}"])

    def _abstract(self, kind: GraphQLAbstractType, details: FieldDetailsList) -> str:
        """Writes the function that answers a value by the function of its class."""
        functions = []
        for object_type in self._schema.get_possible_types(kind):
            name = self._object(object_type, details)
            origin = self.named("Kind", find_definition(object_type).origin)
            # A class that is not in the table is a KeyError, which graphql-core takes over.
            functions.append(f"{origin}: {name}")
        table = self.fresh("functions")
        self._lines.append(f"{table} = {{{', '.join(functions)}}}")
        return self.define(
            "source", [f"return {table}[source.__class__](source, variables)"]
        )

    def fields(
        self, object_type: GraphQLObjectType, details: FieldDetailsList
    ) -> Iterator[tuple[str, str, GraphQLField | None, FieldDetailsList]]:
        """Yields response key, Python name, field (None for __typename) and nodes of fields.

        Raises Uncompilable for more than MAXIMUM_FIELDS in the plan.
        """
        for key, below in self.count(self.collect(object_type, details)).items():
            name = below[0].node.name.value
            if name == TYPENAME:
                yield key, "", None, below
            else:
                field = object_type.fields[name]
                self.coordinates.add(f"{object_type.name}.{name}")
                yield key, find_definition(field).python_name, field, below

    def count(self, collected: CollectedFields) -> GroupedFieldSet:
        """Returns the collected fields; raises Uncompilable when the plan has too many."""
        self.field_count += len(collected.grouped_field_set)
        if self.field_count > MAXIMUM_FIELDS:
            raise Uncompilable(f"There are more than {MAXIMUM_FIELDS} fields.")
        return collected.grouped_field_set

    def _field(
        self,
        parent: GraphQLObjectType,
        key: str,
        field: GraphQLField | None,
        details: FieldDetailsList,
    ) -> str:
        if field is None:
            return repr(parent.name)
        definition = find_definition(field)
        if definition.is_basic_field:
            return self.value(field.type, details, f"source.{definition.python_name}")
        resolver = definition.base_resolver
        if definition.is_async or resolver.info_parameter:
            raise Uncompilable(f"{parent}.{definition.python_name} is no plain method.")
        method = self.named("method", field.resolve)
        read = self.named("read", argument_reader(field, details[0].node))
        call = f"{method}(source, None, **{read}(variables))"
        query_type = get_nullable_type(field.type)
        if query_type is not self._schema.query_type:
            return self.value(field.type, details, call)
        self._queries.append(QueryField(key, parent, query_type, details))
        return call

    def _leaf(self, leaf_type: Any, raw: str) -> str:
        value = self.fresh("value")
        if isinstance(leaf_type, GraphQLEnumType):
            return f"{self.named('names', _enum_names(leaf_type))}[{raw}]"
        if isinstance(leaf_type, GraphQLScalarType) and leaf_type.name in _SCALARS:
            # The class itself is compared: True is an int too, which graphql-core writes as 1.
            kind, written = _SCALARS[leaf_type.name]
            answer = written.format(value=value)
            return f"({answer} if ({value} := {raw}).__class__ is {kind} else unusual({value}))"
        serialize = self.named("serialize", leaf_type.coerce_output_value)
        answer, plain = self.fresh("value"), f"({value} := {raw}).__class__ in PLAIN"
        return (
            f"({answer} if {plain} and ({answer} := {serialize}({value})) is not None "
            f"else unusual({value}))"
        )


def _enum_names(enum: GraphQLEnumType) -> dict[Any, Any]:
    members = find_definition(enum).wrapped_cls
    return {member: enum.coerce_output_value(member) for member in members}
