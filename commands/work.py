"""The command of workers: Dramatiq's, with our settings checked once and our logs in its main process too."""

import argparse
import sys
from importlib import import_module

import logs
from commands.status import FAILED
from settings.checks import Use, problems

PROGRAM = "dramatiq.cli"
"""Imported only by this command: `tasks` sets a worker up in every process that has imported it."""


def work(given: argparse.Namespace) -> int:
    """Works until a signal stops the process; returns the exit status."""
    if found := problems(Use.WORKER):
        for problem in found:
            logs.report(problem)
        return FAILED
    program = import_module(PROGRAM)
    numbers = ("--processes", str(given.processes), "--threads", str(given.threads))
    arguments = program.make_argument_parser().parse_args(
        ["tasks", "--skip-logging", *numbers]
    )
    # On SIGHUP the program starts itself again from these.
    sys.argv = [sys.executable, *sys.orig_argv[1:]]
    status: int = program.main(arguments)
    return status
