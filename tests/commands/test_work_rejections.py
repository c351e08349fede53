"""A set-up that the processes of a worker reject: the reason is said once, by nobody else."""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.database.connection import connect, disconnect
from models.database.migrate import log_migrations
from tests.support.databases import sqlite_database
from tests.support.forks import run_program
from tests.support.processes import Processes
from tests.support.redis_servers import RedisServers, redis_servers

pytestmark = pytest.mark.long

CASES = {
    "REDIS_URL": (
        "gopher://127.0.0.1:70",
        "REDIS_URL: the scheme 'gopher' is unknown; known are redis, rediss, unix, "
        "redis+sentinel, rediss+sentinel.",
    ),
    "EXPORT_URL": (
        "abfs://",
        "EXPORT_URL is abfs://: it names no bucket or container; set it to a folder, "
        "s3://BUCKET/PREFIX or abfs://CONTAINER/PREFIX.",
    ),
}


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[RedisServers]:
    """A way to start Redis servers of this test."""
    with redis_servers(tmp_path) as started:
        yield started


def environment(tmp_path: Path, **changed: str) -> Processes:
    """Returns the environment of a worker in production; nothing of it is started."""
    settings = {
        "ENVIRONMENT": "production",
        "DATABASE_URL": sqlite_database(tmp_path),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SCRATCH_PATH": str(tmp_path / "scratch"),
    }
    (tmp_path / "scratch").mkdir()
    return Processes(tmp_path, **(settings | changed))


def run(processes: Processes, *, count: int = 3) -> tuple[int, list[str]]:
    """Runs a worker until it ends by itself; returns its status and the messages of its lines."""
    command = [sys.executable, "server.py", "work", "--processes", str(count)]
    status, output, errors = run_program(*command, **processes.environment)
    assert output == ""
    lines = [json.loads(line) for line in errors.splitlines()]
    folder = Path(processes.environment["SCRATCH_PATH"])
    assert list(folder.glob("basket-worker-*")) == []
    return status, [line["message"] for line in lines if line["level"] != "INFO"]


@pytest.mark.parametrize("name", CASES)
def test_an_address_that_cannot_be_is_said_once(tmp_path: Path, name: str) -> None:
    value, reason = CASES[name]
    assert run(environment(tmp_path, **{name: value})) == (1, [reason])


def test_a_password_that_redis_rejects_is_said_once(
    tmp_path: Path, servers: RedisServers
) -> None:
    port = servers.start("--requirepass", "right")
    url = f"redis://:wrong@127.0.0.1:{port}/0"
    reason = "REDIS_URL: Redis cannot be used: user or password are wrong or missing."
    assert run(environment(tmp_path, REDIS_URL=url)) == (1, [reason])


def test_a_port_that_one_of_the_processes_cannot_have_is_said_once(
    tmp_path: Path, servers: RedisServers
) -> None:
    url = f"redis://127.0.0.1:{servers.start()}/0"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        processes = environment(tmp_path, REDIS_URL=url, WORKER_PORT=str(port))
        assert run(processes, count=1) == (
            1,
            [
                f"WORKER_PORT: 127.0.0.1:{port} cannot be listened on: Address already in use. "
                "Each process of a worker takes a port of its own, from WORKER_PORT on."
            ],
        )


async def test_migrations_that_a_worker_waits_for_are_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await connect(f"sqlite://{tmp_path / 'empty.sqlite3'}")
    try:
        said = set[str]()
        for _ in range(3):
            await log_migrations(said)
    finally:
        await disconnect()
    assert [record.message[:29] for record in caplog.records] == [
        "The database is not migrated:"
    ]
