"""How a server ends: what it tells proxies first, and that it loses no request."""

import json
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.databases import sqlite_database
from tests.support.processes import Processes, answers, free_port, wait_until
from tests.support.raw_http import TOKEN, RawServer, everything_from, read_answer
from tests.support.thoroughness import examples
from tests.support.waiting import TIMEOUT_SECONDS

QUERY = b'{"query": "{ viewer { email } }"}'
HEAD = b"POST /graphql HTTP/1.%d\r\nHost: x\r\nContent-Type: application/json\r\n" + TOKEN
POST = HEAD % 1 + b"Content-Length: %d\r\n\r\n" % len(QUERY) + QUERY
POST_ONCE = HEAD % 0 + b"Content-Length: %d\r\n\r\n" % len(QUERY) + QUERY
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@contextmanager
def started(
    folder: Path, *, ignoring: str = "", **settings: str
) -> Iterator[tuple[subprocess.Popen[bytes], RawServer]]:
    """Starts a server, which may ignore a signal from its start on; yields its process and itself."""
    port = free_port()
    url = sqlite_database(folder)
    processes = Processes(
        folder, DATABASE_URL=url, REDIS_URL="", HOST="127.0.0.1", **settings
    )
    command = [sys.executable, "server.py", "serve"]
    if ignoring:
        command = ["sh", "-c", f"trap '' {ignoring}; exec {shlex.join(command)}"]
    try:
        process = processes.start(*command, PORT=str(port))
        address = f"http://127.0.0.1:{port}/healthz"
        wait_until(lambda: answers(address), "The start of the server")
        yield (
            process,
            RawServer(port, process.pid, folder / f"{Path(command[0]).name}.0.log"),
        )
    finally:
        processes.end()


def is_draining(server: RawServer) -> bool:
    """Tells whether the server says that it was told to stop."""
    answer = server.ask(HEALTH)
    assert answer is not None
    return bool(json.loads(answer.body) == {"status": "draining"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_while_it_drains_every_answer_closes_its_connection(
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    with started(tmp_path, DRAIN_SECONDS="600", KEEP_ALIVE_SECONDS="60") as (
        process,
        server,
    ):
        with server.connect() as kept, server.connect() as idle:
            for connection in (kept, idle):
                connection.sendall(POST)
                answer = read_answer(connection)
                assert answer is not None
                assert (answer.status, "connection" in answer.headers) == (200, False)
                assert answer.headers["keep-alive"] == "timeout=60"
            process.send_signal(number)
            wait_until(lambda: is_draining(server), "The drain")
            kept.sendall(POST)
            last = read_answer(kept)
            assert last is not None
            assert (last.status, last.headers["connection"]) == (200, "close")
            assert "keep-alive" not in last.headers
            assert everything_from(kept) == b""
            new = server.ask(POST)
            assert new is not None
            assert (new.status, new.headers["connection"]) == (200, "close")
            # A hang-up does not end the drain early.
            process.send_signal(signal.SIGHUP)
            assert is_draining(server)
            process.send_signal(
                signal.SIGTERM if number == signal.SIGHUP else signal.SIGINT
            )
            assert everything_from(idle) == b""
        assert process.wait(TIMEOUT_SECONDS) == 0
        assert "Traceback" not in server.output.read_text()


def test_without_time_to_drain_a_hang_up_ends_it_like_a_stop(tmp_path: Path) -> None:
    with started(tmp_path) as (process, server):
        assert not is_draining(server)
        process.send_signal(signal.SIGHUP)
        assert process.wait(TIMEOUT_SECONDS) == 0


def test_a_server_that_was_started_to_ignore_hang_ups_does(tmp_path: Path) -> None:
    with started(tmp_path, ignoring="HUP", DRAIN_SECONDS="60") as (process, server):
        process.send_signal(signal.SIGHUP)
        for _ in range(20):
            assert not is_draining(server)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_SECONDS) == 0


def test_a_connection_that_was_made_before_the_stop_is_answered(tmp_path: Path) -> None:
    with started(tmp_path) as (process, server):
        with (
            server.connect() as silent,
            server.connect() as begun,
            server.connect() as used,
        ):
            begun.sendall(POST[:40])
            used.sendall(POST)
            assert read_answer(used) is not None
            process.send_signal(signal.SIGTERM)
            silent.sendall(POST)
            first = read_answer(silent)
            assert first is not None
            assert first.status == 200
            assert everything_from(used) == b""
            begun.sendall(POST[40:])
            last = read_answer(begun)
            assert last is not None
            assert (last.status, last.headers["connection"]) == (200, "close")
        assert process.wait(TIMEOUT_SECONDS) == 0


def test_a_connection_that_never_asks_for_anything_does_not_keep_it(tmp_path: Path) -> None:
    with started(tmp_path, REQUEST_HEAD_SECONDS="600", STOP_SECONDS="600") as (
        process,
        server,
    ):
        with server.connect() as silent:
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_SECONDS) == 0
            assert everything_from(silent) == b""


class Callers:
    """Threads that each open a connection for every request, as proxies do by default."""

    def __init__(self, server: RawServer) -> None:
        self.server = server
        self.outcomes: Counter[str] = Counter()
        self.threads = [threading.Thread(target=self.call) for _ in range(8)]

    def call(self) -> None:
        """Sends requests until the port is closed, and counts what becomes of them."""
        while True:
            try:
                connection = self.server.connect()
            except ConnectionRefusedError:
                return
            with connection:
                self.outcomes[self.outcome(connection)] += 1

    def outcome(self, connection: socket.socket) -> str:
        """Returns what became of one request."""
        try:
            connection.sendall(POST_ONCE)
        except OSError as error:
            return f"not sent: {error}"
        answer = read_answer(connection)
        return str(answer.status) if answer else "lost"


def outcomes_at_a_stop(process: subprocess.Popen[bytes], server: RawServer) -> Counter[str]:
    """Stops a server under load, and returns what became of the requests."""
    callers = Callers(server)
    for thread in callers.threads:
        thread.start()
    wait_until(lambda: callers.outcomes["200"] > 100, "A hundred requests")
    process.send_signal(signal.SIGTERM)
    for thread in callers.threads:
        thread.join(TIMEOUT_SECONDS)
    assert process.wait(TIMEOUT_SECONDS) == 0
    return callers.outcomes


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="Only Linux can turn away."
)
def test_no_request_is_lost_when_the_port_is_closed_under_load(tmp_path: Path) -> None:
    for turn in range(examples(3)):
        folder = tmp_path / str(turn)
        folder.mkdir()
        with started(folder, RATE_LIMIT_TOKEN="0", RATE_LIMIT_ADDRESS="0") as (
            process,
            server,
        ):
            assert outcomes_at_a_stop(process, server).keys() == {"200"}


@pytest.mark.parametrize(
    ("host", "shown"), [("::", "[::]"), ("::1", "[::1]"), ("127.0.0.1", "127.0.0.1")]
)
def test_it_serves_ipv6_and_says_so(tmp_path: Path, host: str, shown: str) -> None:
    if not socket.has_ipv6:
        pytest.skip("Python has no IPv6 here.")
    reachable = {"::": {"::1", "127.0.0.1"}}.get(host, {host})
    port = free_port()
    url = sqlite_database(tmp_path)
    limits = {"RATE_LIMIT_ADDRESS": "3/hour", "FORWARDED_ALLOW_IPS": "127.0.0.1"}
    processes = Processes(tmp_path, DATABASE_URL=url, REDIS_URL="", HOST=host, **limits)
    try:
        processes.start(sys.executable, "server.py", "serve", PORT=str(port))
        output = tmp_path / "python.0.log"
        address = f"http://{shown}:{port}/graphql"
        wait_until(lambda: f"  GraphiQL   {address}\n" in output.read_text(), "The welcome")
        answered = {
            candidate
            for candidate in ("::1", "127.0.0.1")
            if answers(
                f"http://{f'[{candidate}]' if ':' in candidate else candidate}:{port}/healthz"
            )
        }
        assert answered == reachable
        if host == "::":
            # IPv4 clients are told apart, and a proxy among them is believed.
            server = RawServer(port, 0, output)
            statuses = [
                answer.status
                for number in range(5)
                for answer in [
                    server.post(QUERY, b"X-Forwarded-For: 192.0.2.%d\r\n" % number)
                ]
                if answer is not None
            ]
            assert statuses == [200] * 5
    finally:
        processes.end()
