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

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from graphql import (
    GraphQLAbstractType,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_abstract_type,
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
    """A selected field of type Query: its response key, its parent's type, and its nodes."""

    key: str
    parent_type: GraphQLObjectType
    details: FieldDetailsList


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


# What is expected of the class of a scalar's value, and of the value itself. The class itself is
# compared: True is an int too, which graphql-core writes as 1.
_SCALARS = {
    "ID": "is str",
    "String": "is str",
    "DateTime": "is str",
    "Boolean": "is bool",
    "Int": "is int and -2147483648 <= {value} <= 2147483647",
}
_PLAIN = frozenset({str, int, float, bool, list, dict})
"""The classes of values that other scalars are written from; none is an error or awaitable."""


class SelectionWriter:
    """Writes the functions of the selections of one plan.

    Every function that is written takes `variables` as its last parameter.
    """

    def __init__(self, executor: Executor[Any]) -> None:
        self._schema = executor.schema
        self._collect = partial(
            collect_subfields,
            executor.schema,
            executor.fragments,
            executor.variable_values,
            executor.operation,
        )
        self.coordinates = set[str]()
        """The fields that were written, as `Type.field`."""
        self.field_count = 0
        self._count = 0
        self.names: dict[str, Any] = {
            "unusual": unusual,
            "check_list": check_list,
            "PLAIN": _PLAIN,
        }
        self._lines: list[str] = []
        self._queries: list[QueryField] = []

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

    def collect(
        self, object_type: GraphQLObjectType, details: FieldDetailsList
    ) -> GroupedFieldSet:
        """Groups the fields selected below others, with fragments and directives resolved."""
        return self.count(self._collect(object_type, details))

    def count(self, collected: CollectedFields) -> GroupedFieldSet:
        """Returns the collected fields; raises Uncompilable when the plan has too many."""
        self.field_count += len(collected.grouped_field_set)
        if self.field_count > MAXIMUM_FIELDS:
            raise Uncompilable(f"There are more than {MAXIMUM_FIELDS} fields.")
        return collected.grouped_field_set

    def fields(
        self, object_type: GraphQLObjectType, details: FieldDetailsList
    ) -> Iterator[tuple[str, str, GraphQLField | None, FieldDetailsList]]:
        """Yields response key, Python name, field (None for __typename) and nodes of fields."""
        for key, below in self.collect(object_type, details).items():
            name = below[0].node.name.value
            if name == TYPENAME:
                yield key, "", None, below
            else:
                field = object_type.fields[name]
                self.coordinates.add(f"{object_type.name}.{name}")
                yield key, find_definition(field).python_name, field, below

    def value(
        self, return_type: GraphQLOutputType, details: FieldDetailsList, raw: str
    ) -> str:
        """Writes the expression that answers the expression `raw`, which is evaluated once."""
        if not isinstance(return_type, GraphQLNonNull):
            name = self.fresh("value")
            present = self.value(GraphQLNonNull(return_type), details, name)
            return f"(None if ({name} := {raw}) is None else {present})"
        present_type = return_type.of_type
        if isinstance(present_type, GraphQLList):
            return self._list(present_type, details, raw)
        if isinstance(present_type, GraphQLObjectType):
            return f"{self._object(present_type, details)}({raw}, variables)"
        if is_abstract_type(present_type):
            return f"{self._abstract(present_type, details)}({raw}, variables)"
        return self._leaf(present_type, raw)

    def _list(
        self, return_type: GraphQLList[Any], details: FieldDetailsList, raw: str
    ) -> str:
        """Writes the expression that answers a list."""
        item = self.fresh("item")
        answer = self.value(return_type.of_type, details, item)
        return f"[{answer} for {item} in check_list({raw})]"

    def _abstract(self, kind: GraphQLAbstractType, details: FieldDetailsList) -> str:
        """Writes the function that answers a value by the function of its class."""
        functions = ", ".join(
            f"{self._kind(object_type)}: {self._object(object_type, details)}"
            for object_type in self._schema.get_possible_types(kind)
        )
        table = self.fresh("functions")
        self._lines.append(f"{table} = {{{functions}}}")
        # A class that is not in the table is a KeyError, which graphql-core takes over.
        return self.define(
            "source", [f"return {table}[source.__class__](source, variables)"]
        )

    def _object(self, object_type: GraphQLObjectType, details: FieldDetailsList) -> str:
        """Writes the function that answers an object of the very class of a type."""
        guard = f"if source.__class__ is not {self._kind(object_type)}: unusual(source)"
        pairs = [
            f"{key!r}: {self._field(object_type, key, field, below)}"
            for key, _, field, below in self.fields(object_type, details)
        ]
        return self.define("source", [guard, f"return {{{', '.join(pairs)}}}"])

    def _kind(self, object_type: GraphQLObjectType) -> str:
        definition = find_definition(object_type)
        if definition is None or definition.is_type_of:
            raise Uncompilable(f"{object_type} checks its values, or has no class.")
        return self.named("Kind", definition.origin)

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
        resolver = definition.base_resolver
        if resolver is None:
            return self.value(field.type, details, f"source.{definition.python_name}")
        if definition.is_async or resolver.info_parameter:
            raise Uncompilable(f"{parent}.{definition.python_name} is no plain method.")
        method = self.named("method", field.resolve)
        read = self.named("read", argument_reader(field, details[0].node))
        call = f"{method}(source, None, **{read}(variables))"
        if get_named_type(field.type) is not self._schema.query_type:
            return self.value(field.type, details, call)
        self._queries.append(QueryField(key, parent, details))
        return call

    def _leaf(self, leaf_type: Any, raw: str) -> str:
        if isinstance(leaf_type, GraphQLEnumType):
            return f"{self.named('names', _enum_names(leaf_type))}[{raw}]"
        value = answer = self.fresh("value")
        expected = _SCALARS.get(leaf_type.name, "").format(value=value)
        if not expected:
            answer = self.fresh("value")
            serialize = self.named("serialize", leaf_type.coerce_output_value)
            expected = f"in PLAIN and ({answer} := {serialize}({value})) is not None"
        return (
            f"({answer} if ({value} := {raw}).__class__ {expected} else unusual({value}))"
        )


def _enum_names(enum: GraphQLEnumType) -> dict[Any, Any]:
    members = find_definition(enum).wrapped_cls
    return {member: enum.coerce_output_value(member) for member in members}
