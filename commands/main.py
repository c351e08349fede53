"""Running one command of the command line."""

from collections.abc import Callable
from typing import Any

import logs
from commands.parser import create_parser
from commands.status import FAILED
from settings.options import LogOptions
from settings.scratch import use_scratch
from web.lifecycle.memory import import_to_stay


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns the exit status of the process."""
    namespace = create_parser().parse_args(arguments)
    if namespace.is_logged:
        logs.set_up(LogOptions())
    use_scratch()
    # Before the command's module is imported, which can take most of a second.
    check = namespace.settings_check
    if check and (reasons := load_function(check)()):
        for reason in reasons:
            logs.report(reason)
        return FAILED
    status: int = load_function(namespace.command)(namespace)
    return status


def load_function(name: str) -> Callable[..., Any]:
    """Returns the function of a command or of a check, importing its module only now."""
    module, _, function = name.partition(":")
    loaded: Callable[..., Any] = getattr(import_to_stay(module), function)
    return loaded
