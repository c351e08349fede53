"""Arguments and variables, coerced as graphql-core coerces them.

graphql-core asks each value of a variable anew what its type is, which takes a tenth of the time of
adding a thousand lines. So the variables of an operation are read by functions that are made once
per type. A value that is not plainly right is left to graphql-core, so that every error is its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLSchema,
    Undefined,
    VariableDefinitionNode,
    assert_leaf_type,
    get_nullable_type,
    is_required_input_field,
)
from graphql.execution import VariableValues, get_argument_values, get_variable_values
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValueSource
from graphql.utilities.coerce_input_value import coerce_default_value

Coercer = Callable[[Any], Any]
"""From a value of JSON to that of its type; raises for one that is not plainly right."""
ArgumentReader = Callable[[VariableValues], dict[str, Any]]
"""From the variables to the arguments of a field."""
NO_VARIABLES = VariableValues({}, {})
"""The values of an operation without variables."""


def argument_reader(field: GraphQLField, node: FieldNode) -> ArgumentReader:
    """Returns the reader of the arguments that a field is selected with."""
    if node.arguments:
        return lambda values: get_argument_values(field, node, values)
    # No variable can change them, so they are coerced once per plan.
    defaults = get_argument_values(field, node)
    return lambda values: defaults


class VariableReader:
    """Reads the variables of one operation of a valid document."""

    def __init__(
        self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]
    ) -> None:
        self._variables = []
        for definition in definitions:
            signature: Any = get_variable_signature(schema, definition)
            try:
                coerce = make_coercer(signature.type)
            except RecursionError:
                # It contains itself.
                coerce = _raise_unusual
            # Its values when it is left out, or the errors when it must not be.
            without = get_variable_values(schema, [definition], {})
            self._variables.append((signature, coerce, without))

    def read(self, given: Mapping[str, Any]) -> VariableValues:
        """Returns the coerced values; raises any exception when graphql-core has to read them."""
        values = VariableValues({}, {}) if self._variables else NO_VARIABLES
        for signature, coerce, without in self._variables:
            name = signature.name
            if name in given:
                values.sources[name] = VariableValueSource(signature, given[name])
                values.coerced[name] = coerce(given[name])
            elif isinstance(without, VariableValues):
                values.sources.update(without.sources)
                values.coerced.update(without.coerced)
            else:
                raise ValueError(name)
        return values


def make_coercer(input_type: GraphQLInputType) -> Coercer:
    """Returns the coercer of a type."""
    present = get_nullable_type(input_type)
    if isinstance(present, GraphQLList):
        coerce = _make_list(make_coercer(present.of_type))
    elif isinstance(present, GraphQLInputObjectType):
        coerce = _make_object(present)
    else:
        coerce = assert_leaf_type(present).coerce_input_value
    if present is input_type:
        return lambda value: None if value is None else coerce(value)
    return lambda value: _raise_unusual() if value is None else coerce(value)


def _raise_unusual(*_: object) -> Any:
    raise ValueError("graphql-core is to read the variables.")


def _make_list(coerce: Coercer) -> Coercer:
    # A single value may stand for a list, and is rare.
    return lambda values: (
        [coerce(value) for value in values] if type(values) is list else _raise_unusual()
    )


def _make_object(input_type: GraphQLInputObjectType) -> Coercer:
    fields = {
        name: (field.out_name or name, make_coercer(field.type))
        for name, field in input_type.fields.items()
    }
    defaults, required = {}, set[str]()
    for name, field in input_type.fields.items():
        if is_required_input_field(field):
            required.add(fields[name][0])
        elif (default := coerce_default_value(field)) is not Undefined:
            defaults[fields[name][0]] = default

    def coerce_object(value: Any) -> Any:
        coerced = dict(defaults)
        for name, part in value.items():
            out_name, coerce = fields[name]
            coerced[out_name] = coerce(part)
        if not coerced.keys() >= required:
            raise ValueError("A required field is missing.")
        return input_type.out_type(coerced)

    # Only graphql-core counts the fields of which there may be one.
    return _raise_unusual if input_type.is_one_of else coerce_object
