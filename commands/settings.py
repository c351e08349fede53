"""The command that shows and checks the settings."""

import argparse

import logs
import settings
from commands.output import show
from commands.status import FAILED
from settings.checks import Use, find_problems
from settings.names import unknown_names
from settings.reading import Setting
from tasks.addresses import address_problems


def check(arguments: argparse.Namespace) -> int:
    """Prints the settings in force, without secrets, and reports the rejected ones."""
    read = settings.READER.settings.values()
    values = {
        setting.name: {"value": setting.shown, "origin": describe_origin(setting)}
        for setting in read
    }
    lines = (f"{each.name}={each.shown}  ({describe_origin(each)})" for each in read)
    show(arguments, values, lines)
    for warning in unknown_names():
        logs.report(f"Warning: {warning}")
    use = Use[arguments.use.upper()]
    reasons = find_problems(use) + (address_problems() if use is not Use.COMMAND else [])
    for reason in reasons:
        logs.report(reason)
    return FAILED if reasons else 0


def describe_origin(setting: Setting) -> str:
    """Returns the variable of a setting's value, or a word in its place."""
    if setting.name in settings.READER.problems:
        return "rejected"
    return setting.source or "default"
