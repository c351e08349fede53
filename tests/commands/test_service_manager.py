"""What servers and workers tell the manager that started them."""

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import sqlite_database
from tests.support.processes import Processes, free_port
from tests.support.waiting import TIMEOUT_SECONDS
from web.lifecycle.service_manager import notify

pytestmark = pytest.mark.long


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A manager's socket, in a short folder: the names of sockets are short."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0basket-test-{tmp_path.name}-{free_port()}")
        listener.settimeout(TIMEOUT_SECONDS)
        yield listener


def address(manager: socket.socket) -> str:
    """Returns the socket's address as systemd writes it."""
    name = manager.getsockname()
    return f"@{name[1:].decode()}"


def test_a_state_is_one_datagram(manager: socket.socket) -> None:
    notify(address(manager), "READY=1")
    assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("name", ["", "@basket-nobody-listens", "/nowhere/at/all"])
def test_no_manager_is_no_error(name: str) -> None:
    notify(name, "READY=1")


def test_a_server_says_when_it_answers_and_when_it_stops(
    manager: socket.socket, tmp_path: Path
) -> None:
    processes = Processes(tmp_path, DATABASE_URL=sqlite_database(tmp_path))
    try:
        server = processes.start(
            sys.executable,
            "server.py",
            "serve",
            PORT=str(free_port()),
            NOTIFY_SOCKET=address(manager),
        )
        assert manager.recv(100) == b"READY=1"
        server.send_signal(signal.SIGTERM)
        assert manager.recv(100) == b"STOPPING=1"
        assert server.wait(TIMEOUT_SECONDS) == 0
    finally:
        processes.end()


def test_a_worker_says_when_it_can_be_stopped_in_order(
    manager: socket.socket, tmp_path: Path
) -> None:
    processes = Processes(
        tmp_path,
        DATABASE_URL=f"sqlite://{tmp_path / 'basket.sqlite3'}",
        REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
        NOTIFY_SOCKET=address(manager),
    )
    try:
        worker = processes.start(sys.executable, "server.py", "work", "--processes", "1")
        assert manager.recv(100) == b"READY=1"
        worker.terminate()
        assert worker.wait(TIMEOUT_SECONDS) == 0
    finally:
        processes.end()
