"""The command that prints the schema."""

import argparse

from graphql import get_introspection_query

from application import schema
from commands.output import to_json, write

INTROSPECTION = get_introspection_query(
    specified_by_url=True,
    directive_is_repeatable=True,
    schema_description=True,
    input_value_deprecation=True,
)


def print_schema(arguments: argparse.Namespace) -> int:
    """Prints the GraphQL schema: its definition or, as JSON, the result of its introspection."""
    if arguments.has_json:
        write(to_json(schema.execute_sync(INTROSPECTION).data))
    else:
        write(schema.as_str())
    return 0
