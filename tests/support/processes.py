"""Real processes of the tests: servers, workers and a Redis of their own, which may be killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

import httpx
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# Named here too until all tests import it from its own module.
from tests.support.forks import Start, read_from_start, run_to_end, start_process
from tests.support.http import client
from tests.support.ports import free_port as free_port
from tests.support.programs import program
from tests.support.waiting import wait_until as wait_until

ROOT = Path(__file__).parents[2]
SECRET_KEY = "of-the-tests-and-long-enough-for-production"


class Processes:
    """The processes of one test, with the environment they share; all of them are ended at its end."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.root = ROOT
        self.environment = {
            **os.environ,
            "EXPORT_URL": str(folder / "exports"),
            "SECRET_KEY": SECRET_KEY,
            **environment,
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Starts a process in a group of its own, writing to a log beside its files."""
        with (self.folder / f"{Path(command[0]).name}.{len(self.running)}.log").open(
            "wb"
        ) as log:
            process = start_process(
                Start(
                    command,
                    self.environment | environment,
                    output=log,
                    errors=log,
                    folder=self.root,
                    has_own_session=True,
                )
            )
        self.running.append(process)
        return process

    def run(self, *command: str, **environment: str) -> tuple[int, str, str]:
        """Runs a program to its end; returns its status, its output and its errors."""
        with TemporaryFile() as output, TemporaryFile() as errors:
            given = self.environment | environment
            status = run_to_end(Start(command, given, output, errors, self.root))
            return status, read_from_start(output), read_from_start(errors)

    def serve(self, port: int) -> subprocess.Popen[bytes]:
        """Starts a server and waits until it answers."""
        process = self.start(sys.executable, "server.py", "serve", PORT=str(port))
        wait_until(
            lambda: answers(f"http://127.0.0.1:{port}/healthz"), "The start of the server"
        )
        return process

    def work(self) -> subprocess.Popen[bytes]:
        """Starts a worker with one process, as the README says."""
        return self.start(
            str(Path(sys.executable).parent / "dramatiq"),
            "tasks",
            "--processes",
            "1",
            "--threads",
            "2",
        )

    def redis(self, port: int) -> subprocess.Popen[bytes]:
        """Starts a Redis that keeps nothing, and waits until it answers."""
        options = [
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        process = self.start(program("redis-server"), *options)
        wait_until(lambda: pongs(port), "The start of Redis")
        return process

    def end(self) -> None:
        """Kills what is still running."""
        for process in self.running:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and all of its own, without a warning."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def answers(url: str) -> bool:
    """Tells whether an address answers."""
    try:
        return client().get(url, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def pongs(port: int) -> bool:
    """Tells whether a Redis answers."""
    try:
        with redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


async def in_thread(call: Callable[[], object]) -> None:
    """Runs something that blocks."""
    await asyncio.to_thread(call)
