"""Inputs as Python objects: for each input type one function, made once, from coerced values to the declared class.

Strawberry finds out anew for each value of each request what its type is, which takes a quarter of the time of adding a
product to a basket.
"""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
)
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

Reader = Callable[[Any], Any]
"""From a coerced value to what a resolver takes."""


def reader_of(input_type: GraphQLInputType) -> Reader | None:
    """Returns the reader of a type; None when its values are taken as they are."""
    if isinstance(input_type, GraphQLNonNull):
        return reader_of(input_type.of_type)
    if isinstance(input_type, GraphQLList):
        item = reader_of(input_type.of_type)
        return (
            (lambda values: None if values is None else [item(value) for value in values])
            if item
            else None
        )
    return (
        _object_reader(input_type)
        if isinstance(input_type, GraphQLInputObjectType)
        else None
    )


def _object_reader(input_type: GraphQLInputObjectType) -> Reader:
    kind = input_type.extensions["strawberry-definition"].origin
    fields = [
        (name, field.extensions["strawberry-definition"].python_name, reader_of(field.type))
        for name, field in input_type.fields.items()
    ]

    def read(value: Any) -> Any:
        if value is None:
            return None
        given = [
            (python_name, value[name], reader)
            for name, python_name, reader in fields
            if name in value
        ]
        return kind(
            **{name: reader(each) if reader else each for name, each, reader in given}
        )

    return read


def arguments_reader(field: GraphQLField, definition: StrawberryField) -> Reader:
    """Returns the reader of all arguments of a field, from their names in the schema to those of the resolver."""
    names = {
        argument.python_name: name
        for argument in definition.arguments
        for name in (argument.graphql_name or to_camel_case(argument.python_name),)
    }
    readers = [
        (python_name, name, reader_of(field.args[name].type))
        for python_name, name in names.items()
    ]

    def read(given: Any) -> Any:
        return {
            python_name: reader(given[name]) if reader else given[name]
            for python_name, name, reader in readers
            if name in given
        }

    return read
