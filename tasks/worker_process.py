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


class Stopping:
    """Hands the first signal on to `dramatiq` and ignores all others."""

    def __init__(self, handler: Handler, parent: int) -> None:
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
        if os.getppid() != self._parent:
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
        logger.error("The worker process did not stop within %g seconds; ending it.", STOP_SECONDS)
        os._exit(KILLED)

    threading.Thread(target=end, name="stop-deadline", daemon=True).start()


def install() -> Stopping | None:
    """Takes the signals over from `dramatiq` in one of its processes; None in any other process."""
    handler, parent = signal.getsignal(signal.SIGTERM), multiprocessing.parent_process()
    if parent is None or parent.pid is None or not callable(handler):
        return None
    stopping = Stopping(handler, parent.pid)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stopping.handle)
    watch = threading.Thread(target=_watch, args=[parent.pid], name="watch-parent", daemon=True)
    watch.start()
    return stopping


def _watch(parent: int) -> None:
    """Stops this process when the main process has ended, or is told to stop before it listens to signals."""
    while os.getppid() == parent and not _has_pending_signal(parent):
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _has_pending_signal(process: int) -> bool:
    """Whether a process holds a signal to stop back, as `dramatiq` does until all its processes are up.

    Only Linux tells; elsewhere the main process stops a little later.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return False
    masks = [line.split()[1] for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd"))]
    pending = 0
    for mask in masks:
        pending |= int(mask, 16)
    return any(pending & 1 << number - 1 for number in (signal.SIGTERM, signal.SIGINT))
