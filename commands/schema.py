"""The command that prints the schema."""

import argparse

from graphql import introspection_from_schema

from application import schema
from commands.output import show
from schema.execution.strawberry_internals import graphql_schema


def print_schema(arguments: argparse.Namespace) -> int:
    """Prints the GraphQL schema: its definition or, as JSON, the result of its introspection."""
    introspection = introspection_from_schema(graphql_schema(schema))
    show(arguments, introspection, schema.as_str())
    return 0
