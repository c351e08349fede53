"""The private names of Strawberry that are needed, for which it has no public ones.

`tests/execution/test_info.py` fails when a release changes one of them.
"""

from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema
from graphql.execution.values import VariableValues
from strawberry import Info, Schema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField


def graphql_schema(schema: Schema) -> GraphQLSchema:
    """Returns the schema of graphql-core that Strawberry made of its types."""
    return schema._schema


def raw_info(info: Info[Any, Any]) -> GraphQLResolveInfo[Any]:
    """Returns the info of graphql-core, with the nodes of the field and the fragments."""
    return info._raw_info


def find_variables(raw: GraphQLResolveInfo[Any]) -> VariableValues:
    """Returns the values of the variables, as graphql-core keeps them."""
    values = raw.variable_values
    # Strawberry's own executor, which runs in tests only, gives the coerced values alone.
    return values if isinstance(values, VariableValues) else VariableValues({}, values)


def make_info(raw: GraphQLResolveInfo[Any], field: StrawberryField) -> Info[Any, Any]:
    """Makes the info that Strawberry gives to a resolver."""
    return Info(_raw_info=raw, _field=field)


def find_definition(node: Any) -> Any:
    """Returns the class of Strawberry that declares a type or a field, or None."""
    return node.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
