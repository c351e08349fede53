"""Strawberry's schema as graphql-core executes it, and the private names that this needs.

Strawberry works out the type of each argument anew with each request, which takes a quarter of the
time of adding a product to a basket. graphql-core can make the objects of inputs itself, so it is
told the classes and names of Python, and calls the resolvers without Strawberry between them.

`tests/execution/test_info.py` fails when a release changes one of the private names.
"""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
)
from graphql.execution import VariableValues
from strawberry import Info, Schema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField


def graphql_schema(schema: Schema) -> GraphQLSchema:
    """Returns the schema of graphql-core that Strawberry made of its types, to be executed."""
    for graphql_type in schema._schema.type_map.values():
        definition = find_definition(graphql_type)
        if definition and isinstance(graphql_type, GraphQLInputObjectType):
            _make_objects(graphql_type, definition.origin)
        elif definition and isinstance(graphql_type, GraphQLObjectType):
            _call_directly(graphql_type)
    return schema._schema


def _make_objects(input_type: GraphQLInputObjectType, origin: type[Any]) -> None:
    """Makes the values of an input type objects of its class."""
    # What is left out takes the default of the class.
    input_type.out_type = lambda value: origin(**value)  # type: ignore[method-assign]
    for field in input_type.fields.values():
        field.out_name = find_definition(field).python_name


def _call_directly(object_type: GraphQLObjectType) -> None:
    """Makes the resolvers of a type's fields those that were declared."""
    for field in object_type.fields.values():
        definition = find_definition(field)
        if definition and definition.base_resolver:
            field.resolve = _make_resolver(definition)
            for declared, argument in zip(
                definition.arguments, field.args.values(), strict=True
            ):
                argument.out_name = declared.python_name


def _make_resolver(field: StrawberryField) -> Callable[..., Any]:
    resolver: Any = field.base_resolver
    if field.extensions or resolver.parent_parameter or resolver.root_parameter:
        raise TypeError(
            f"{field.python_name} needs Strawberry between it and graphql-core."
        )
    call, info_parameter = resolver.wrapped_func, resolver.info_parameter
    has_self = bool(resolver.self_parameter)

    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if info_parameter:
            arguments[info_parameter.name] = Info(_raw_info=info, _field=field)
        return call(source, **arguments) if has_self else call(**arguments)

    return resolve


def raw_info(info: Info[Any, Any]) -> GraphQLResolveInfo[Any]:
    """Returns the info of graphql-core, with the nodes of the field and the fragments."""
    return info._raw_info


def find_variables(raw: GraphQLResolveInfo[Any]) -> VariableValues:
    """Returns the values of the variables, as graphql-core keeps them."""
    values = raw.variable_values
    # Strawberry's own executor, which runs in tests only, gives the coerced values alone.
    return values if isinstance(values, VariableValues) else VariableValues({}, values)


def find_definition(node: Any) -> Any:
    """Returns the class of Strawberry that declares a type or a field, or None."""
    return node.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
