"""WebSockets of server processes: by our command and uvicorn's, below a prefix, and as they end."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from settings import ROOT
from tests.support.raw_http import RawServer, raw_server, uvicorn_server
from tests.support.transport_ws import open_peer
from tests.support.watching import ACTIVE

STARTS: dict[str, Callable[[Path], AbstractContextManager[RawServer]]] = {
    "serve": lambda folder: raw_server(folder, ROOT_PATH="/shop"),
    "uvicorn": uvicorn_server,
    "asyncio": lambda folder: uvicorn_server(folder, "--loop", "asyncio"),
}


@pytest.mark.parametrize("start", STARTS)
async def test_a_process_serves_websockets_and_closes_them_by_1001(
    tmp_path: Path, start: str
) -> None:
    with STARTS[start](tmp_path) as server:
        path = "/shop/graphql" if start == "serve" else "/graphql"
        async with open_peer(f"ws://127.0.0.1:{server.port}{path}") as peer:
            assert peer.connection.response is not None
            assert peer.connection.response.headers["X-Request-ID"]
            await peer.initialise(token="demo-main")
            await peer.subscribe("1", ACTIVE)
            assert await peer.next("1") is None
            os.kill(server.process_id, signal.SIGTERM)
            assert await peer.closed() == (1001, "The server stops.")
        output = server.output.read_text()
        assert "Traceback" not in output
        assert "WebSocket" not in output


async def test_a_draining_server_goes_on_until_it_stops(tmp_path: Path) -> None:
    with raw_server(tmp_path, DRAIN_SECONDS="2") as server:
        url = f"ws://127.0.0.1:{server.port}/graphql"
        async with open_peer(url) as early:
            await early.initialise(token="demo-main")
            os.kill(server.process_id, signal.SIGTERM)
            # A proxy may not know yet, and a client whose connection breaks comes back here.
            async with open_peer(url) as late:
                await late.initialise(token="demo-main")
                assert await late.closed() == (1001, "The server stops.")
            assert await early.closed() == (1001, "The server stops.")


def check_settings(files: int, **variables: str) -> subprocess.CompletedProcess[str]:
    """Checks the settings of a server whose process may open so many files."""
    return subprocess.run(
        [sys.executable, "server.py", "check-settings"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, files)),
    )


@pytest.mark.parametrize(
    ("files", "connections", "expected"),
    [
        (699, "500", "LIVE_CONNECTIONS is 500, and the process may open 699 files"),
        (256, "57", "or set LIVE_CONNECTIONS to 56."),
    ],
)
def test_more_connections_than_files_are_rejected(
    files: int, connections: str, expected: str
) -> None:
    done = check_settings(files, LIVE_CONNECTIONS=connections)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert expected in line


@pytest.mark.parametrize(("files", "connections"), [(700, "500"), (256, "56"), (256, "0")])
def test_the_limit_on_files_is_raised_as_far_as_it_may(
    files: int, connections: str
) -> None:
    done = check_settings(files, LIVE_CONNECTIONS=connections)
    assert (done.returncode, done.stderr) == (0, "")
