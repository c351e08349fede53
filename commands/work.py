"""The command of workers: Dramatiq's, with our signals and our logs."""

import argparse
import sys
from importlib import import_module

import settings
from commands.stopping import exit_on_signals
from settings.startup_report import single_report
from web.lifecycle.service_manager import notify

PROGRAM = "dramatiq.cli"
"""Imported by its name, as it makes a worker of every process that imports `tasks` after it."""


def work(arguments: argparse.Namespace) -> int:
    """Works until a signal stops the process; returns the exit status."""
    program = import_module(PROGRAM)
    numbers = ("--processes", str(arguments.processes), "--threads", str(arguments.threads))
    options = program.make_argument_parser().parse_args(
        ["tasks", "--skip-logging", *numbers]
    )
    # On SIGHUP the program starts itself again from these.
    sys.argv = [sys.executable, *sys.orig_argv[1:]]
    exit_on_signals()
    notify(settings.NOTIFY_SOCKET, "READY=1")
    with single_report("dramatiq.MainProcess"):
        status: int = program.main(options)
    return status
