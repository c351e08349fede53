"""The processes that read files: each forks a child per file and waits for the next one.

Python and its libraries start in a fifth of a second, longer than most files take to read; a fork
takes a hundredth of that. So a file is read by a fresh child with limits, which ends with it, and
the process that waits never sees a file.
"""

import asyncio
import os
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
NICENESS = 10
"""Niceness of the reading processes: beside a busy server they get a tenth of a processor."""
IDLE_SECONDS = 60.0
"""Seconds after which a process that has no file is ended."""
LONGEST_LINE_BYTES = 16_000_000
"""The longest line of a response; five hundred rows of the longest texts have a seventh of that."""


async def start_reading_process() -> Process:
    """Starts a process that reads requests, one per line, from its standard input."""
    process = await create_subprocess_exec(
        *(sys.executable, "-m", "tasks.spreadsheets.child"),
        cwd=ROOT,
        # The server's environment holds secrets, and a file may take the child over.
        env={"LC_ALL": "C.UTF-8", "TMPDIR": tempfile.gettempdir()},
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=LONGEST_LINE_BYTES,
        # A process group of its own, so that its children are killed with it.
        start_new_session=True,
    )
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    return process


async def send_request(process: Process, line: bytes) -> tuple[int, list[bytes]]:
    """Sends a request and returns the exit status of the child that read it, and its lines."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("The reading process was started without pipes.")
    process.stdin.write(line)
    await process.stdin.drain()
    lines: list[bytes] = []
    while received := await process.stdout.readline():
        # Each line of a response is a JSON object, and the exit status a number.
        if received.startswith(b"{"):
            lines.append(received)
        elif received.strip():
            return int(received), lines
    # The output ended without a status: the waiting process itself has died.
    return await process.wait() or 1, lines


async def end_reading_process(process: Process) -> None:
    """Ends a process and its children."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        # Its pipes are closed only when somebody reads them to their end.
        await process.communicate()


class ReadingProcesses:
    """Lends reading processes and, while it is open, keeps returned ones for IDLE_SECONDS."""

    def __init__(self) -> None:
        self._is_open = False
        self._idle: list[Process] = []
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keeps processes from the first file on, and ends them at the end."""
        self._is_open = True
        try:
            yield
        finally:
            self._is_open = False
            self._stop_timer()
            await self._end_idle()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Process]:
        """Lends a process that nobody else uses; after an error it is ended."""
        process = await self._take()
        try:
            yield process
        except BaseException:
            await end_reading_process(process)
            raise
        await self._take_back(process)

    async def _take(self) -> Process:
        while self._idle:
            process = self._idle.pop()
            # It may have died while it was idle.
            if process.returncode is None:
                return process
        return await start_reading_process()

    async def _take_back(self, process: Process) -> None:
        if not self._is_open:
            return await end_reading_process(process)
        self._idle.append(process)
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._expire)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        # The loop holds tasks weakly, so a reference is kept.
        self._ending = asyncio.create_task(self._end_idle())

    async def _end_idle(self) -> None:
        while self._idle:
            await end_reading_process(self._idle.pop())
