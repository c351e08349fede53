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
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution import Executor, VariableValues
from graphql.execution.collect_fields import (
    FieldDetails,
    GroupedFieldSet,
    collect_subfields,
)

from schema.execution.inputs import argument_reader
from schema.execution.strawberry_internals import find_definition

FieldDetailsList = list[FieldDetails]
ToJson = Callable[[Any, VariableValues], Any]
"""From a field's value and the variables to the JSON that is sent."""

QueryField = tuple[str, GraphQLObjectType, FieldDetailsList]
"""A selected field of type Query: its response key, its parent's type, and its nodes."""

TYPENAME = "__typename"
MAXIMUM_FIELDS = 1_000
"""How many fields a plan has at the most: fragments within fragments can make endlessly many."""


class Uncompilable(Exception):
    """Raised when graphql-core is to execute an operation."""


def unusual(value: object) -> Any:
    """Raises, within an expression, for a value that is not what its type expects."""
    raise TypeError(type(value).__name__)


def check_list(value: Any) -> Any:
    """Returns a list as it is; raises for anything else, of which GraphQL takes some for one."""
    return value if value.__class__ in (list, tuple) else unusual(value)


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
        self.executor = executor
        self.field_count = 0
        self.queries: list[QueryField] = []
        self.selected = set[str]()
        self.names: dict[str, Any] = {
            "unusual": unusual,
            "check_list": check_list,
            "PLAIN": _PLAIN,
        }
        self._name_count = 0

    def compile(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> ToJson:
        """Returns the function that answers a field; raises Uncompilable.

        `queries` are then the fields of type Query below it, each answered by its value, in whose
        place its own answer is to be put, and `selected` all fields below it, as `Type.field`.
        """
        self.queries, self.selected = [], set()
        body = f"return {self.value(return_type, details, 'value')}"
        to_json: ToJson = self.names[self.define("value", [body])]
        return to_json

    def fresh(self, kind: str) -> str:
        """Returns a name that nothing has yet."""
        self._name_count += 1
        return f"{kind}_{self._name_count}"

    def named(self, kind: str, value: object) -> str:
        """Gives a Python object a name within the functions."""
        name = self.fresh(kind)
        self.names[name] = value
        return name

    def define(self, parameters: str, body: Sequence[str]) -> str:
        """Writes a function of the parameters and `variables`, and returns its name."""
        name = self.fresh("answer")
        # A row's text that is kept is made without variables: it must not depend on them.
        source = [f"def {name}({parameters}, variables=None):", *body]
        # It is made of our schema's names and of response keys quoted by repr.
        exec("\n    ".join(source), self.names)  # noqa: S102
        return name

    def collect(
        self, object_type: GraphQLObjectType, details: FieldDetailsList
    ) -> GroupedFieldSet:
        """Groups the fields selected below others, with fragments and directives resolved.

        Raises Uncompilable when the plan has too many.
        """
        executor = self.executor
        fields = collect_subfields(
            executor.schema,
            executor.fragments,
            executor.variable_values,
            executor.operation,
            object_type,
            details,
        ).grouped_field_set
        self.field_count += len(fields)
        if self.field_count > MAXIMUM_FIELDS:
            raise Uncompilable(f"There are more than {MAXIMUM_FIELDS} fields.")
        return fields

    def fields(
        self, object_type: Any, details: FieldDetailsList
    ) -> Iterator[tuple[str, str, Any, FieldDetailsList]]:
        """Yields response key, Python name, field (None for __typename) and nodes of fields."""
        for key, below in self.collect(object_type, details).items():
            name = below[0].node.name.value
            if name == TYPENAME:
                yield key, name, None, below
            else:
                field = object_type.fields[name]
                self.selected.add(f"{object_type.name}.{name}")
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
        if is_leaf_type(present_type):
            return self._leaf(present_type, raw)
        return self._object(present_type, details, raw)

    def _list(
        self, return_type: GraphQLList[Any], details: FieldDetailsList, raw: str
    ) -> str:
        """Writes the expression that answers a list."""
        item = self.fresh("item")
        answer = self.value(return_type.of_type, details, item)
        return f"[{answer} for {item} in check_list({raw})]"

    def _object(self, kind: Any, details: FieldDetailsList, raw: str) -> str:
        """Writes the expression that answers an object by the function of its very class."""
        schema, functions = self.executor.schema, {}
        for object_type in (
            schema.get_possible_types(kind) if is_abstract_type(kind) else [kind]
        ):
            definition = find_definition(object_type)
            if definition is None or definition.is_type_of:
                raise Uncompilable(f"{object_type} checks its values, or has no class.")
            functions[definition.origin] = self._function(object_type, details)
        table = self.named("functions", functions)
        if not raw.isidentifier():
            name = self.fresh("value")
            return f"{table}[({name} := {raw}).__class__]({name}, variables)"
        # Any other class is a KeyError.
        return f"{table}[{raw}.__class__]({raw}, variables)"

    def _function(self, object_type: GraphQLObjectType, details: FieldDetailsList) -> Any:
        pairs = [
            f"{key!r}: {self._field(object_type, key, field, below)}"
            for key, _, field, below in self.fields(object_type, details)
        ]
        return self.names[self.define("source", [f"return {{{', '.join(pairs)}}}"])]

    def _field(
        self,
        parent: GraphQLObjectType,
        key: str,
        field: Any,
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
        if get_named_type(field.type) is not self.executor.schema.query_type:
            return self.value(field.type, details, call)
        self.queries.append((key, parent, details))
        return call

    def _leaf(self, leaf_type: Any, raw: str) -> str:
        if isinstance(leaf_type, GraphQLEnumType):
            members = find_definition(leaf_type).wrapped_cls
            names = {each: leaf_type.coerce_output_value(each) for each in members}
            return f"{self.named('names', names)}[{raw}]"
        value = answer = self.fresh("value")
        expected = _SCALARS.get(leaf_type.name, "").format(value=value)
        if not expected:
            answer = self.fresh("value")
            serialize = self.named("serialize", leaf_type.coerce_output_value)
            expected = f"in PLAIN and ({answer} := {serialize}({value})) is not None"
        return (
            f"({answer} if ({value} := {raw}).__class__ {expected} else unusual({value}))"
        )
