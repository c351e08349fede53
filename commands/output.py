"""The output of commands: sentences for people or, with `--json`, one JSON document."""

import argparse
from collections.abc import Iterable

import orjson


def show(arguments: argparse.Namespace, value: object, lines: Iterable[str] | str) -> None:
    """Prints a result: its value as JSON when that is asked for, else its lines."""
    if arguments.has_json:
        print(to_json(value))
        return
    for line in [lines] if isinstance(lines, str) else lines:
        print(line)


def to_json(value: object) -> str:
    """Returns a value as readable JSON; timestamps are ISO 8601 with their zone."""
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()
