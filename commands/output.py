"""The output of commands: sentences for people or, with `--json`, one JSON document."""

import argparse
import os
import sys
from collections.abc import Iterable

import orjson

from commands.status import FAILED


def show(arguments: argparse.Namespace, value: object, lines: Iterable[str] | str) -> None:
    """Prints a result: its value as JSON when that is asked for, else its lines."""
    if arguments.has_json:
        write(to_json(value))
        return
    for line in [lines] if isinstance(lines, str) else lines:
        write(line)


def write(line: str) -> None:
    """Prints a line; ends the command quietly when nobody reads on, as behind `head`."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # Else Python fails again at its end, when it flushes the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAILED) from None


def to_json(value: object) -> str:
    """Returns a value as readable JSON; timestamps are ISO 8601 with their zone."""
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()
