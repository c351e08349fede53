"""The command that shows and checks the settings."""

import argparse

import logs
import settings
from commands.status import FAILED
from settings.checks import Use, problems
from settings.names import unknown_names
from settings.reading import Setting
from tasks.addresses import address_problems


def check(given: argparse.Namespace) -> int:
    """Prints the settings in force, without secrets, and reports those that are rejected."""
    for setting in settings.READER.settings.values():
        print(f"{setting.name}={setting.shown}  ({origin(setting)})")
    for warning in unknown_names():
        logs.report(f"Warning: {warning}")
    use = Use[given.use.upper()]
    found = problems(use) + (address_problems() if use is not Use.COMMAND else [])
    for problem in found:
        logs.report(problem)
    return FAILED if found else 0


def origin(setting: Setting) -> str:
    """Returns where the value of a setting comes from, in a word."""
    if setting.name in settings.READER.problems:
        return "rejected"
    return setting.source or "default"
