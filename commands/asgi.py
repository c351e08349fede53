"""The application for ASGI servers other than ours, such as uvicorn's command line."""

import sys
from typing import TYPE_CHECKING

import logs
from settings.options import LogOptions
from settings.scratch import use_scratch
from tasks.addresses import server_problems
from web.lifecycle.memory import import_to_stay

if TYPE_CHECKING:
    from starlette.applications import Starlette

REJECTED = 3
"""The exit status of a rejected start, at which gunicorn gives up too."""


def create_checked_application() -> "Starlette":
    """Returns the application; ends the process with one line per rejected setting."""
    logs.set_up(LogOptions())
    use_scratch()
    if reasons := server_problems():
        for reason in reasons:
            logs.report(reason)
        sys.exit(REJECTED)
    # Imported only now, as it takes most of the time of a start.
    application: Starlette = import_to_stay("application").create_application()
    return application
