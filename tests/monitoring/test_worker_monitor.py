"""Health and metrics of worker processes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from prometheus_client.parser import text_string_to_metric_families

from models.database.migrate import list_migrations
from tests.commands.test_worker_stopping import (
    READY,
    STOPPED_SECONDS,
    check_end,
    output,
    start,
    wait_for,
)
from tests.support.command_line import CommandLine
from tests.support.databases import sqlite_database
from tests.support.http import client
from tests.support.ports import free_port, free_ports
from tests.support.processes import Processes, answers, wait_until

TOKEN = {"Authorization": "Bearer metrics"}


@pytest.fixture
def redis_port() -> int:
    """The port of the test's Redis."""
    return free_port()


@pytest.fixture
def processes(tmp_path: Path, redis_port: int) -> Iterator[Processes]:
    """Processes on a database of SQLite and a Redis, which is the first of them."""
    started = Processes(
        tmp_path,
        ENVIRONMENT="production",
        DATABASE_URL=sqlite_database(tmp_path),
        REDIS_URL=f"redis://127.0.0.1:{redis_port}/0",
        REDIS_PREFIX="basket-test",
        METRICS_TOKEN="metrics",
    )
    try:
        started.redis(redis_port)
        yield started
    finally:
        started.end()


def readiness(port: int) -> tuple[int, dict[str, str]]:
    """Returns the status and the words of a worker process's readiness."""
    response = client().get(f"http://127.0.0.1:{port}/readyz")
    return response.status_code, response.json()


def send_to_nobody(redis_port: int, count: int) -> None:
    """Sends messages for an actor that does not exist."""
    broker = RedisBroker(  # type: ignore[no-untyped-call] # dramatiq types the rest of itself
        url=f"redis://127.0.0.1:{redis_port}/0", namespace="basket-test-jobs"
    )
    broker.declare_queue("exports")
    for number in range(count):
        message = Message[None](
            queue_name="exports", actor_name="nobody", args=(number,), kwargs={}, options={}
        )
        broker.enqueue(message)
    broker.client.close()


def samples(port: int) -> dict[tuple[str, tuple[str, ...]], float]:
    """Returns the metrics of a worker process by name and labels."""
    response = client().get(f"http://127.0.0.1:{port}/metrics", headers=TOKEN)
    assert response.status_code == 200
    families = text_string_to_metric_families(response.text)
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.long
def test_each_process_tells_its_health_and_readiness(
    processes: Processes, redis_port: int
) -> None:
    port = free_ports()
    worker = start(processes, count=2, WORKER_PORT=str(port))
    wait_for(processes, worker, READY, count=2)
    for number in (port, port + 1):
        address = f"http://127.0.0.1:{number}"
        wait_until(lambda address=address: answers(f"{address}/healthz"), address)  # type: ignore[misc]
        assert client().get(f"{address}/healthz").json() == {"status": "ok"}
        expected = {"status": "ok", "database": "ok", "redis": "ok", "exports": "ok"}
        assert readiness(number) == (200, expected)
        assert client().get(f"{address}/metrics").status_code == 401
    send_to_nobody(redis_port, count=2)
    wait_until(
        lambda: samples(port)["basket_dead_letters", ()] == 2,
        "The count of two dead letters",
    )
    found = samples(port)
    assert found["basket_export_attempts_in_progress", ()] == 0
    processes.running[0].send_signal(signal.SIGSTOP)
    try:
        # The word for Redis may be a second old.
        wait_until(lambda: readiness(port)[0] == 503, "The end of being ready")
        assert readiness(port)[1]["redis"] == "unavailable"
        assert client().get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    finally:
        processes.running[0].send_signal(signal.SIGCONT)
    os.killpg(worker.pid, signal.SIGTERM)
    check_end(processes, worker)


@pytest.mark.long
def test_a_worker_on_tables_that_are_not_its_own_says_so_at_start_and_when_asked(
    processes: Processes, postgres_url: str
) -> None:
    processes.environment["DATABASE_URL"] = postgres_url
    last = list_migrations()[-1]
    line = CommandLine(postgres_url)
    line.accepted("migrate", "--to", list_migrations()[-2])
    port = free_ports()
    worker = start(processes, WORKER_PORT=str(port))
    try:
        wait_for(processes, worker, READY)
        assert f"The database is not migrated: it lacks {last};" in output(
            processes, worker
        )
        status, words = readiness(port)
        assert (status, words["database"]) == (503, "not migrated")
        assert words["migrations_pending"] == last
        assert (words["redis"], words["exports"]) == ("ok", "ok")
        line.accepted("migrate")
        expected = {"status": "ok", "database": "ok", "redis": "ok", "exports": "ok"}
        assert readiness(port) == (200, expected)
    finally:
        worker.send_signal(signal.SIGTERM)
        check_end(processes, worker)


def test_a_port_that_is_taken_is_rejected_in_one_line(
    processes: Processes, redis_port: int
) -> None:
    worker = start(processes, WORKER_PORT=str(redis_port))
    assert worker.wait(STOPPED_SECONDS) == 1
    message = (
        f"WORKER_PORT: 127.0.0.1:{redis_port} cannot be listened on: Address already in use. "
        "Each process of a worker takes a port of its own, from WORKER_PORT on."
    )
    assert output(processes, worker).count(message) == 1
    assert "Traceback" not in output(processes, worker)


def test_without_a_port_nothing_is_listened_on(processes: Processes) -> None:
    worker = start(processes)
    wait_for(processes, worker, READY)
    listening = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{worker.pid}/net/{name}").read_text().splitlines()[1:]
    ]
    sockets = {fields[9] for fields in listening if fields[3] == "0A"}
    owned = {
        os.readlink(link).removeprefix("socket:[").removesuffix("]")
        for child in Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
        .read_text()
        .split()
        for link in Path(f"/proc/{child}/fd").iterdir()
        if link.is_symlink()
    }
    assert sockets & owned == set()
