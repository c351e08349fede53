"""The processes that files are read by: each forks a process of its own for a file, and waits for the next one.

Python and the libraries take a fifth of a second to start, more than most files take to read; to fork takes a hundredth
of that. What reads a file so is new for every file, has limits, and is ended with it; what waits never sees a file.
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
"""By how much the server comes first: beside a busy server, such a process gets a tenth of a processor."""
IDLE_SECONDS = 60.0
"""How long a process waits for a file."""
LONGEST_LINE_BYTES = 16_000_000
"""How long a line of an answer may be; five hundred rows of the longest texts have a seventh of that."""
_ANSWER = (b"{", b"[")


async def start_reading_process() -> Process:
    """Starts a process that waits for lines on its standard input; it steps back behind the server."""
    process = await create_subprocess_exec(
        *(sys.executable, "-m", "tasks.spreadsheets.child"),
        cwd=ROOT,
        # The child gets nothing of our environment, where secrets are.
        env={"LC_ALL": "C.UTF-8", "TMPDIR": tempfile.gettempdir()},
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=LONGEST_LINE_BYTES,
        start_new_session=True,
    )
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    return process


async def ask(process: Process, line: bytes) -> tuple[int, list[bytes]]:
    """Sends a line that names a file; returns the status that reading it ended with, and the lines of the answer."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("The reading process was started without pipes.")
    process.stdin.write(line)
    await process.stdin.drain()
    answer: list[bytes] = []
    while read := await process.stdout.readline():
        if read.startswith(_ANSWER):
            answer.append(read)
        elif read.strip():
            return int(read), answer
    return await process.wait() or 1, answer


async def end(process: Process) -> None:
    """Ends a process and all that it has started."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        # Its pipes are closed only when somebody reads them to their end.
        await process.communicate()


class ReadingProcesses:
    """Lends processes and, while it is open, keeps those that come back for a while."""

    def __init__(self) -> None:
        self._is_open = False
        self._waiting: list[Process] = []
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Process]:
        """Lends a process that nobody else has; it is ended unless all went well."""
        process = await self._take()
        try:
            yield process
        except BaseException:
            await end(process)
            raise
        await self._take_back(process)

    async def _take(self) -> Process:
        while self._waiting:
            process = self._waiting.pop()
            if process.returncode is None:
                return process
        return await start_reading_process()

    async def _take_back(self, process: Process) -> None:
        if not self._is_open:
            return await end(process)
        self._waiting.append(process)
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._expire)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        self._ending = asyncio.create_task(self._end_waiting())

    async def _end_waiting(self) -> None:
        while self._waiting:
            await end(self._waiting.pop())

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keeps processes from the first file on, and ends them at the end."""
        self._is_open = True
        try:
            yield
        finally:
            self._is_open = False
            self._stop_timer()
            await self._end_waiting()


reading_processes = ReadingProcesses()
"""Those of this server process."""
