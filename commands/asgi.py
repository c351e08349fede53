"""The application for ASGI servers other than ours, such as uvicorn's command line."""

import sys

from starlette.applications import Starlette

import logs
from application import create_application
from settings.options import LogOptions
from settings.scratch import use_scratch
from web.lifecycle.checks import start_problems

REJECTED = 3
"""The exit status of a rejected start, at which gunicorn gives up too."""


def create_checked_application() -> Starlette:
    """Returns the application; ends the process with one line per rejected setting."""
    logs.set_up(LogOptions())
    use_scratch()
    if reasons := start_problems():
        for reason in reasons:
            logs.report(reason)
        sys.exit(REJECTED)
    return create_application()
