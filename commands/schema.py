"""The command that prints the schema."""

import argparse

from application import schema


def print_schema(arguments: argparse.Namespace) -> int:
    """Prints the GraphQL schema."""
    print(schema.as_str())
    return 0
