"""The application for ASGI servers other than ours, such as uvicorn's command line."""

import sys

from starlette.applications import Starlette

import logs
from application import create_application
from settings.scratch import use_scratch
from web.startup.checks import start_problems

Rejected = 3
"""The exit status of a rejected start, at which gunicorn gives up too."""


def create_checked_application() -> Starlette:
    """Returns the application; ends the process with one line for each setting that is wrong."""
    logs.set_up()
    use_scratch()
    if found := start_problems():
        for problem in found:
            logs.report(problem)
        sys.exit(Rejected)
    return create_application()
