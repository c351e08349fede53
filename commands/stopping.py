"""The stop of a command that runs until a signal."""

import signal
import sys
from types import FrameType


def exit_on_signals() -> None:
    """Makes SIGINT and SIGTERM end the process with status 0, until a server handles them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
