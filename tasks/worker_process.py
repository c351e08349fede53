"""Starting and stopping a worker process: it stops at its first signal, in bounded time, and with its main process.

`dramatiq` itself ends a process at its second signal in a way that waits without end for a thread of its own. A process
group that is told to stop gives each process two: its own, and the one that the main process hands on.
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
"""Seconds between two looks at the main process."""
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
        # What multiprocessing looks at is open in the other processes of the worker, too, if they were forked.
        if self._is_parent:
            return os.getppid() == self._number
        return self._process.is_alive()

    def is_told_to_stop(self) -> bool:
        """Whether it holds a signal back, as `dramatiq` does until all its processes are up.

        Only Linux tells; elsewhere it stops a little later.
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
    """Hands the first signal on to `dramatiq` and ignores all others."""

    def __init__(self, handler: Handler, parent: MainProcess) -> None:
        self._handler = handler
        self._parent = parent
        self._is_told = False
        self.is_booted = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Begins to stop; before the process is booted there is nothing to stop in order."""
        if self._is_told:
            return
        self._is_told = True
        start_deadline()
        if not self.is_booted:
            self._exit()
        try:
            self._handler(number, frame)
        except SystemExit:
            # A signal came before this handler was there, so `dramatiq` took this one for a second one.
            logger.info("The worker process is stopping already.")

    def _exit(self) -> None:
        """Ends a process that has nothing to stop; the main process waits for a sign of it if it is there."""
        if not self._parent.is_alive():
            os._exit(0)
        sys.exit(0)


@contextmanager
def unbuffered_errors() -> Iterator[None]:
    """Writes to the real standard error: `dramatiq` passes nothing on until all its processes are up."""
    piped = sys.stderr
    sys.stderr = sys.__stderr__ or piped
    try:
        yield
    finally:
        sys.stderr = piped


def start_deadline() -> None:
    """Ends the process after STOP_SECONDS, whatever it waits for."""

    def end() -> None:
        time.sleep(STOP_SECONDS)
        # Not by way of the main process, which may have stopped reading.
        sys.stderr = sys.__stderr__ or sys.stderr
        logger.error(
            "The worker process did not stop within %g seconds; ending it.", STOP_SECONDS
        )
        os._exit(KILLED)

    threading.Thread(target=end, name="stop-deadline", daemon=True).start()


def install() -> Stopping | None:
    """Takes the signals over from `dramatiq` in one of its processes; None in any other process."""
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
    """Stops this process when the main process has ended, or is told to stop before it listens to signals."""
    while parent.is_alive() and not parent.is_told_to_stop():
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
