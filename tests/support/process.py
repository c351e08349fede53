"""A real server process on a real database, asked over real HTTP."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from uuid import uuid4

import httpx

from models.database.connection import connect, disconnect
from models.division import Division
from tests.support.forks import Start, start_process
from tests.support.service import write_people
from tests.support.waiting import TIMEOUT_SECONDS

SECRET_KEY = "of-the-tests-and-long-enough-for-production"

_ADDRESS = re.compile(r"Uvicorn running on (http://\S+)")
_LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=200)


@dataclass(frozen=True)
class Server:
    """A running server process: a client of it, and the file that it writes its output to."""

    client: httpx.AsyncClient
    output: Path

    def check_output(self) -> None:
        """Raises AssertionError when the process has reported an error or a warning of Python."""
        text = self.output.read_text()
        assert not re.search(r"Traceback|ERROR|Warning", text), text


async def write_people_to(database_url: str) -> dict[str, Division]:
    """Writes the people of the tests to a database that no process uses yet."""
    await connect(database_url, 1)
    try:
        return await write_people()
    finally:
        await disconnect()


@asynccontextmanager
async def start_server(
    database_url: str, commerce_url: str, folder: Path, release: str = ""
) -> AsyncIterator[Server]:
    """Starts a server process on a port of its own choice and yields it, ready; ends it afterwards.

    `release` is Python that is run first, which makes another release of the server.
    """
    output = folder / f"server-{uuid4().hex}.log"
    process = await _start(database_url, commerce_url, output, release)
    try:
        address = await _address(process, output)
        async with httpx.AsyncClient(
            base_url=address, limits=_LIMITS, timeout=TIMEOUT_SECONDS
        ) as client:
            assert (await client.get("/readyz")).status_code == 200
            yield Server(client, output)
    finally:
        await _end(process)


def _write_release(release: str, folder: Path) -> str:
    """Writes the module of another release and returns its name."""
    name = f"release_{uuid4().hex}"
    code = f"{release}\nfrom server import application as application\n"
    (folder / f"{name}.py").write_text(code)
    return name


async def _start(
    database_url: str, commerce_url: str, output: Path, release: str
) -> Popen[bytes]:
    module = _write_release(release, output.parent) if release else "server"
    ours = {
        "PYTHONPATH": str(output.parent),
        "DATABASE_URL": database_url,
        "COMMERCE_URL": commerce_url,
        "REDIS_URL": "",
        "ENVIRONMENT": "test",
        "SECRET_KEY": SECRET_KEY,
    }
    command = (
        sys.executable,
        "-m",
        "uvicorn",
        f"{module}:application",
        "--port",
        "0",
        "--no-access-log",
        # A busy machine may pause a test for longer than connections are kept by default.
        "--timeout-keep-alive",
        str(int(TIMEOUT_SECONDS)),
    )
    # A file never fills up, as a pipe does that nobody reads.
    with output.open("wb") as file:
        start = Start(command, os.environ | ours, output=file, errors=file)
        return await asyncio.to_thread(start_process, start)


async def _address(process: Popen[bytes], output: Path) -> str:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not (found := _ADDRESS.search(output.read_text())):
            assert process.poll() is None, output.read_text()
            await asyncio.sleep(0.05)
    return found[1]


async def _end(process: Popen[bytes]) -> None:
    process.terminate()
    await asyncio.to_thread(process.wait, TIMEOUT_SECONDS)
