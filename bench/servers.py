"""The servers as processes of their own, pinned to one core."""

import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT, Popen, TimeoutExpired
from types import MappingProxyType

import uvicorn
from aiohttp import web

from bench.backends import processor_seconds
from bench.by_hand import create_by_hand
from bench.checkouts import Checkout, find_python
from bench.operations import BESIDE, OURS
from bench.stock import create_stock
from bench.wrk import LOAD_CORE
from commerce.demo import create_demo
from settings import REDIS_URL, ROOT

DISCARD_PORT = 9
"""A port on which nothing listens: no workload asks Commerce."""
SERVER_CORE = 0
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
TIMEOUT_SECONDS = 30.0
"""Timeout of the start and of the end of a server."""


class ServerFailed(Exception):
    """Raised when a server does not start."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    kind: str
    port: int
    pid: int

    def reset_peak(self) -> None:
        """Resets the peak of the resident memory."""
        # proc(5): 5 resets the peak of the resident memory.
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak_megabytes(self) -> float:
        """Returns the highest resident memory since the last reset."""
        return self._status("VmHWM")

    def resident_megabytes(self) -> float:
        """Returns the resident memory now."""
        return self._status("VmRSS")

    def processor_seconds(self) -> float:
        """Returns the user and system time of the process so far."""
        return processor_seconds(self.pid)

    def _status(self, name: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return (
            next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
            / 1024
        )


def free_port() -> int:
    """Returns a port on which nothing listens now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def serve(kind: str, port: int, url: str) -> None:
    """Serves stock, by hand or the demo Commerce in this process until it is told to stop."""
    if kind == "commerce":
        web.run_app(create_demo(), host="127.0.0.1", port=port, print=None, access_log=None)
        return
    create = create_stock if kind == "stock" else create_by_hand
    # As commands.listening configures ours.
    configuration = uvicorn.Config(
        create(url),
        host="127.0.0.1",
        port=port,
        access_log=False,
        server_header=False,
        log_level="warning",
    )
    uvicorn.Server(configuration).run()


def _command(
    kind: str,
    port: int,
    url: str,
    commerce_port: int,
    folder: str,
    root: Path,
    more: Mapping[str, str],
) -> list[str]:
    if kind not in {OURS, BESIDE}:
        options = ["--port", str(port), "--database", url]
        return [sys.executable, "-m", "bench", "serve", kind, *options]
    settings = {
        "ENVIRONMENT": "production",
        "DEBUG": "false",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATABASE_URL": url,
        "REDIS_URL": REDIS_URL,
        # High limits instead of none, so that the cost of counting is measured.
        "RATE_LIMIT_TOKEN": "1000000000/minute",
        "RATE_LIMIT_ADDRESS": "1000000000/minute",
        "LIVE_CONNECTIONS": "15000",
        "LIVE_BYTES": "1000000000",
        "LIVE_BYTES_PER_TOKEN": "1000000000",
        "LIVE_CONNECTIONS_PER_TOKEN": "15000",
        "LIVE_CONNECTIONS_PER_ADDRESS": "15000",
        "SECRET_KEY": "of-the-benchmark-" + "0123456789abcdef" * 3,
        "COMMERCE_URL": f"http://127.0.0.1:{commerce_port}",
        # In a folder that is deleted with the server.
        "EXPORT_URL": folder,
        **more,
    }
    # The program `env` adds to the environment, which only settings/ reads.
    return [
        "env",
        *(f"{name}={value}" for name, value in settings.items()),
        find_python(root),
        "server.py",
        "serve",
    ]


@contextmanager
def _started(
    kind: str,
    url: str,
    core: int,
    commerce_port: int,
    root: Path,
    peer: Sequence[str] = (),
    settings: Mapping[str, str] = NO_SETTINGS,
) -> Iterator[Callable[[], Server]]:
    """Starts a server, yields a function that waits until it listens, and ends it afterwards."""
    with tempfile.TemporaryDirectory(prefix="basket-bench-") as folder:
        port, output = free_port(), Path(folder) / "output"
        command = [
            "taskset",
            "-c",
            str(core),
            *(
                [*peer, str(port), url]
                if peer
                else _command(kind, port, url, commerce_port, folder, root, settings)
            ),
        ]
        # A server complains of the requests that wrk leaves unfinished when its time is over.
        with output.open("wb") as log:
            process = Popen(
                command,
                cwd=root,
                start_new_session=True,
                stdout=log,
                stderr=STDOUT,
            )
        try:
            yield lambda: _listening(process, kind, port, output)
        finally:
            _end(process)


@contextmanager
def running(
    kind: str,
    url: str,
    core: int = SERVER_CORE,
    commerce_port: int = DISCARD_PORT,
    root: Path = ROOT,
) -> Iterator[Server]:
    """Runs a server of the checkout in `root` on a free port and one core; raises ServerFailed."""
    with _started(kind, url, core, commerce_port, root) as wait:
        yield wait()


@contextmanager
def all_running(
    checkouts: Mapping[str, Checkout],
    peers: Mapping[str, Sequence[str]] = MappingProxyType({}),
    settings: Mapping[str, str] = NO_SETTINGS,
) -> Iterator[dict[str, Server]]:
    """Runs the servers at once, with a demo Commerce on the other core; raises ServerFailed.

    `checkouts` are those of the kinds of servers, and `peers` commands by kind, which take a port
    and the URL of the database. `settings` are further ones of ours.
    """
    with ExitStack() as resources:
        commerce = resources.enter_context(running("commerce", "", LOAD_CORE))
        waits = {
            kind: resources.enter_context(
                _started(
                    kind,
                    checkout.url,
                    SERVER_CORE,
                    commerce.port,
                    checkout.root,
                    peers.get(kind, ()),
                    settings,
                )
            )
            for kind, checkout in checkouts.items()
        }
        yield {kind: wait() for kind, wait in waits.items()}


def _listening(process: Popen[bytes], kind: str, port: int, output: Path) -> Server:
    limit = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < limit and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return Server(kind, port, process.pid)
        time.sleep(0.05)
    raise ServerFailed(
        f"The server {kind} does not listen on port {port}: {output.read_text()[-2000:]}"
    )


def _end(process: Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(TIMEOUT_SECONDS)
    except TimeoutExpired:
        # With its children, which have the same process group.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
