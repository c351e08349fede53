"""The server's entry point: a command line, and `application` for ASGI servers.

Commands import what they need, so that listing divisions does not build the application.
"""

import sys
from importlib import import_module

from commands.main import main


def __getattr__(name: str) -> object:
    """Returns the application that `uvicorn server:application` asks for, made when it is."""
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    created = globals()[name] = import_module("commands.asgi").create_checked_application()
    return created


if __name__ == "__main__":
    sys.exit(main())
