"""Running one command of the command line."""

import argparse
from collections.abc import Callable
from importlib import import_module

import logs
from commands.parser import create_parser
from commands.status import FAILED
from settings.checks import Use, problems
from settings.scratch import use_scratch


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns the exit status of the process."""
    given = create_parser().parse_args(arguments)
    if given.is_logged:
        logs.set_up()
    if given.is_checked and (found := problems(Use.COMMAND)):
        for problem in found:
            logs.report(problem)
        return FAILED
    use_scratch()
    return command_function(given.command)(given)


def command_function(name: str) -> Callable[[argparse.Namespace], int]:
    """Returns the function of a command, importing its module only now."""
    module, _, function = name.partition(":")
    found: Callable[[argparse.Namespace], int] = getattr(import_module(module), function)
    return found
