"""Running one command of the command line."""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module

from commands.parser import create_parser
from commands.settings_check import SettingRefused, check_settings

REJECTED, FAILED = 2, 1
"""The exit statuses for a rejected input and for a fault, for example a database that does not answer."""


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns the exit status of the process."""
    given = create_parser().parse_args(arguments)
    try:
        check_settings()
        return command_function(given.command)(given)
    except SettingRefused as reason:
        print(reason, file=sys.stderr)
        return FAILED


def command_function(name: str) -> Callable[[argparse.Namespace], int]:
    """Returns the function of a command, importing its module only now."""
    module, _, function = name.partition(":")
    found: Callable[[argparse.Namespace], int] = getattr(import_module(module), function)
    return found
