"""The processes that read files: each reads one file and ends.

Python and the libraries take a fifth of a second to start, more than most files take to read. So after a file, a
process for the next one is started and waits for a while.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

NICENESS = 10
"""By how much the server comes first: beside a busy server, such a process gets a tenth of a processor."""
ROOT = Path(__file__).parent.parent

IDLE_SECONDS = 60.0
"""How long a process waits for a file."""


async def start_reading_process() -> Process:
    """Starts a process that waits for one line on its standard input; it steps back behind the server."""
    process = await create_subprocess_exec(
        *(sys.executable, "-m", "tasks.spreadsheet_child"),
        cwd=ROOT,
        # The child gets nothing of our environment, where secrets are.
        env={"LC_ALL": "C.UTF-8"},
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,
    )
    # From the first moment on: to start takes it longer than most files take to read. Windows has no such order.
    if sys.platform != "win32":
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    return process


async def end(process: Process) -> None:
    """Ends a process and all that it may have started."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        # Its pipes are closed only when somebody reads them to their end.
        await process.communicate()


class ReadingProcesses:
    """Gives out processes, and keeps one ready while it is open."""

    def __init__(self) -> None:
        self._is_open = False
        self._waiting: asyncio.Task[Process] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def take(self) -> Process:
        """Returns a process that nobody else has: the one that waits, or a new one."""
        waiting = self._forget()
        process = await waiting if waiting is not None else None
        return process if process is not None and process.returncode is None else await start_reading_process()

    def make_ready(self) -> None:
        """Starts a process for the next file, unless one waits already."""
        if self._is_open and self._waiting is None:
            self._waiting = asyncio.create_task(start_reading_process())
            self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._expire)

    def _forget(self) -> asyncio.Task[Process] | None:
        waiting, self._waiting = self._waiting, None
        if self._timer is not None:
            self._timer.cancel()
        return waiting

    def _expire(self) -> None:
        if waiting := self._forget():
            self._ending = asyncio.create_task(_end_when_started(waiting))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keeps a process ready from the first file on, and ends it at the end."""
        self._is_open = True
        try:
            yield
        finally:
            self._is_open = False
            if waiting := self._forget():
                await _end_when_started(waiting)


async def _end_when_started(waiting: asyncio.Task[Process]) -> None:
    await end(await waiting)


reading_processes = ReadingProcesses()
"""Those of this server process."""
