"""The values of an operation's variables, coerced by functions that are made once per type.

graphql-core asks each value anew what its type is, which takes a tenth of the time of adding a
thousand lines. A value that is not plainly right is left to it, so that every error is its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    Undefined,
    VariableDefinitionNode,
    assert_leaf_type,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import (
    VariableValues,
    VariableValueSource,
    get_variable_values,
)
from graphql.utilities.coerce_input_value import coerce_default_value

from schema.execution.selection import Uncompilable

Coercer = Callable[[Any], Any]
"""From a value of JSON to that of its type; raises for one that is not plainly right."""


class _Variable(NamedTuple):
    """`without` has the values when the variable is left out; None when it must not be."""

    name: str
    signature: Any
    coerce: Coercer
    without: VariableValues | None


class VariableReader:
    """Reads the variables of one operation; raises Uncompilable when they are not plain."""

    def __init__(
        self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]
    ) -> None:
        self._variables = [_declare(schema, definition) for definition in definitions]

    def read(self, given: Mapping[str, Any]) -> VariableValues:
        """Returns the coerced values; raises any exception when graphql-core has to read them."""
        values = VariableValues({}, {})
        for name, signature, coerce, without in self._variables:
            if name in given:
                values.sources[name] = VariableValueSource(signature, given[name])
                values.coerced[name] = coerce(given[name])
            elif without:
                values.sources.update(without.sources)
                values.coerced.update(without.coerced)
            else:
                raise ValueError(name)
        return values


def _declare(schema: GraphQLSchema, definition: VariableDefinitionNode) -> _Variable:
    signature = get_variable_signature(schema, definition)
    if isinstance(signature, GraphQLError):
        raise Uncompilable
    without = get_variable_values(schema, (definition,), {})
    return _Variable(
        signature.name,
        signature,
        make_coercer(signature.type),
        None if isinstance(without, list) else without,
    )


def make_coercer(input_type: GraphQLInputType) -> Coercer:
    """Returns the coercer of a type; raises RecursionError for one that contains itself."""
    if isinstance(input_type, GraphQLNonNull):
        return _reject_null(_make_nonnull(input_type.of_type))
    coerce = _make_nonnull(input_type)
    return lambda value: None if value is None else coerce(value)


def _reject_null(coerce: Coercer) -> Coercer:
    def coerce_required(value: Any) -> Any:
        if value is None:
            raise ValueError(value)
        return coerce(value)

    return coerce_required


def _make_nonnull(input_type: GraphQLInputType) -> Coercer:
    if isinstance(input_type, GraphQLList):
        return _make_list(make_coercer(input_type.of_type))
    if isinstance(input_type, GraphQLInputObjectType):
        return _make_object(input_type)
    return assert_leaf_type(input_type).coerce_input_value


def _make_list(coerce: Coercer) -> Coercer:
    def coerce_list(values: Any) -> list[Any]:
        # A single value may stand for a list, and is rare.
        if type(values) is not list:
            raise TypeError(values)
        return [coerce(value) for value in values]

    return coerce_list


def _make_object(input_type: GraphQLInputObjectType) -> Coercer:
    if input_type.is_one_of:
        raise Uncompilable
    fields = [
        (name, field.out_name or name, make_coercer(field.type), _default_of(field))
        for name, field in input_type.fields.items()
    ]

    def coerce_object(value: Any) -> Any:
        coerced, unread = {}, len(value)
        for name, out_name, coerce, default in fields:
            if name in value:
                coerced[out_name] = coerce(value[name])
                unread -= 1
            elif default is not Undefined:
                coerced[out_name] = default()
        # A name that is left is of no field.
        if type(value) is not dict or unread:
            raise TypeError(value)
        return input_type.out_type(coerced)

    return coerce_object


def _default_of(field: GraphQLInputField) -> Any:
    """Returns the function of a field's default value; Undefined when it has none."""
    if is_required_input_field(field):
        return _raise_missing
    default = coerce_default_value(field)
    return Undefined if default is Undefined else lambda: default


def _raise_missing() -> None:
    raise ValueError("A required field is missing.")
