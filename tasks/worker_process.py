"""Starting and stopping a worker process: at its first signal, in bounded time.

A process of `dramatiq` that gets a second signal waits for one of its own threads for ever. When a
process group is told to stop, each process gets two: its own, and one from the main process.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

logger = logging.getLogger("basket")

STOP_SECONDS = 20.0
"""Timeout of an orderly stop, in seconds; after it the process ends at once."""
WATCH_SECONDS = 0.5
"""Seconds between two checks of the main process."""
KILLED = 1
"""The exit status of a process that could not stop in order."""

Handler = Callable[[int, FrameType | None], Any]


class MainProcess:
    """The process that started this one, directly or through the fork server of newer Pythons."""

    def __init__(self, process: BaseProcess, number: int) -> None:
        self._process = process
        self._number = number
        self._is_parent = os.getppid() == number

    def is_alive(self) -> bool:
        """Whether it still runs."""
        # The pipe that multiprocessing watches is also held open by forked siblings.
        if self._is_parent:
            return os.getppid() == self._number
        return self._process.is_alive()

    def is_told_to_stop(self) -> bool:
        """Whether a signal is pending, which `dramatiq` blocks until all its processes are up.

        Only Linux tells; elsewhere the process stops a little later.
        """
        try:
            status = Path(f"/proc/{self._number}/status").read_text(encoding="ascii")
        except OSError:
            return False
        lines = [line.split() for line in status.splitlines()]
        masks = [int(words[1], 16) for words in lines if words[0] in ("SigPnd:", "ShdPnd:")]
        stops = 1 << signal.SIGTERM - 1 | 1 << signal.SIGINT - 1
        return any(mask & stops for mask in masks)


class Stopping:
    """Passes the first signal on to `dramatiq` and ignores all others."""

    def __init__(self, handler: Handler, parent: MainProcess) -> None:
        self._handler = handler
        self._parent = parent
        self._is_told = False
        self.is_booted = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Begins to stop; a process that is not booted ends at once."""
        if self._is_told:
            return
        self._is_told = True
        start_deadline()
        if not self.is_booted:
            self._exit()
        try:
            self._handler(number, frame)
        except SystemExit:
            # `dramatiq` got a signal before this handler was installed, and takes this one for
            # the second.
            logger.info("The worker process is stopping already.")

    def _exit(self) -> None:
        """Ends a process that has nothing to stop, so that a living main process notices."""
        if not self._parent.is_alive():
            os._exit(0)
        sys.exit(0)


@contextmanager
def unbuffered_errors() -> Iterator[None]:
    """Writes to the real standard error: `dramatiq` forwards nothing until all processes are up."""
    piped = sys.stderr
    sys.stderr = sys.__stderr__ or piped
    try:
        yield
    finally:
        sys.stderr = piped


def start_deadline() -> None:
    """Ends the process after STOP_SECONDS at the latest."""

    def end() -> None:
        time.sleep(STOP_SECONDS)
        # The main process may have stopped reading its pipe.
        sys.stderr = sys.__stderr__ or sys.stderr
        logger.error(
            "The worker process did not stop within %g seconds; ending it.", STOP_SECONDS
        )
        os._exit(KILLED)

    threading.Thread(target=end, name="stop-deadline", daemon=True).start()


def install() -> Stopping | None:
    """Takes the signals over from `dramatiq` in one of its processes; None elsewhere."""
    handler, process = signal.getsignal(signal.SIGTERM), multiprocessing.parent_process()
    if process is None or process.pid is None or not callable(handler):
        return None
    parent = MainProcess(process, process.pid)
    stopping = Stopping(handler, parent)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stopping.handle)
    threading.Thread(target=_watch, args=[parent], name="watch-parent", daemon=True).start()
    return stopping


def _watch(parent: MainProcess) -> None:
    """Stops this process when the main process has ended or has a pending signal to stop."""
    while parent.is_alive() and not parent.is_told_to_stop():
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
