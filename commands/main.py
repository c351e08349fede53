"""Running one command of the command line."""

import argparse
from collections.abc import Callable
from importlib import import_module

import logs
from commands.parser import create_parser
from commands.status import FAILED
from settings.checks import Use, find_problems
from settings.options import LogOptions
from settings.scratch import use_scratch


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns the exit status of the process."""
    namespace = create_parser().parse_args(arguments)
    if namespace.is_logged:
        logs.set_up(LogOptions())
    if namespace.is_checked and (reasons := find_problems(Use.COMMAND)):
        for problem in reasons:
            logs.report(problem)
        return FAILED
    use_scratch()
    return load_function(namespace.command)(namespace)


def load_function(name: str) -> Callable[[argparse.Namespace], int]:
    """Returns the function of a command, importing its module only now."""
    module, _, function = name.partition(":")
    loaded: Callable[[argparse.Namespace], int] = getattr(import_module(module), function)
    return loaded
