"""Workers that are told to stop: by each way in which process managers do it, they end soon and leave no process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.databases import sqlite_database
from tests.support.processes import Processes, free_port, wait_until

pytestmark = pytest.mark.long


DRAMATIQ = (str(Path(sys.executable).parent / "dramatiq"), "tasks")
STOPPED_SECONDS = 60.0
"""Timeout of a stop here: a worker that is right takes a few seconds, one that hangs takes for ever."""
Worker = subprocess.Popen[bytes]


def tell_group(worker: Worker) -> None:
    """As systemd by default, supervisord with stopasgroup, foreman and `timeout` do."""
    os.killpg(worker.pid, signal.SIGTERM)


def tell_group_twice(worker: Worker) -> None:
    os.killpg(worker.pid, signal.SIGTERM)
    time.sleep(0.2)
    os.killpg(worker.pid, signal.SIGTERM)


def tell_main(worker: Worker) -> None:
    worker.terminate()


def tell_main_three_times(worker: Worker) -> None:
    for _ in range(3):
        worker.terminate()
        time.sleep(0.1)


def press_control_c(worker: Worker) -> None:
    os.killpg(worker.pid, signal.SIGINT)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Processes on a database of SQLite and a Redis."""
    port = free_port()
    started = Processes(
        tmp_path,
        ENVIRONMENT="production",
        DATABASE_URL=sqlite_database(tmp_path),
        REDIS_URL=f"redis://127.0.0.1:{port}/0",
    )
    try:
        started.redis(port)
        yield started
    finally:
        started.end()


def start(processes: Processes, count: int = 1, **environment: str) -> Worker:
    """Starts a worker of `count` processes."""
    return processes.start(*DRAMATIQ, *_numbers(count), **environment)


def start_by_our_command(processes: Processes) -> Worker:
    """Starts a worker of one process by our own command line."""
    return processes.start(sys.executable, "server.py", "work", *_numbers(1))


def _numbers(count: int) -> list[str]:
    return ["--processes", str(count), "--threads", "2"]


def output(processes: Processes, worker: Worker) -> str:
    """Returns what a worker has written."""
    index = processes.running.index(worker)
    return next(processes.folder.glob(f"*.{index}.log")).read_text()


def wait_for(processes: Processes, worker: Worker, text: str, count: int = 1) -> None:
    """Waits until a worker has written a text so many times."""
    wait_until(lambda: output(processes, worker).count(text) >= count, text)


def group(worker: Worker) -> list[int]:
    """Returns the processes that are left of a worker, zombies aside."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == worker.pid and fields[0] != "Z":
            found.append(int(entry.parent.name))
    return found


def check_end(processes: Processes, worker: Worker, status: int = 0) -> None:
    """Checks that a worker ends with a status, and that none of its processes is left."""
    assert worker.wait(STOPPED_SECONDS) == status, output(processes, worker)
    wait_until(lambda: group(worker) == [], "The end of all processes of the worker")


READY = "Worker process is ready for action."


@pytest.mark.long
def test_a_worker_ends_by_every_signal_of_a_process_manager(processes: Processes) -> None:
    ways: list[Callable[[Worker], None]] = [
        tell_group,
        tell_group_twice,
        tell_main,
        tell_main_three_times,
        press_control_c,
    ]
    workers = [start(processes, count=2 if way is tell_group else 1) for way in ways]
    ways.append(tell_main_three_times)
    workers.append(start_by_our_command(processes))
    for way, worker in zip(ways, workers, strict=True):
        wait_for(processes, worker, READY, count=2 if way is tell_group else 1)
        way(worker)
    for worker in workers:
        check_end(processes, worker)
        assert "Traceback" not in output(processes, worker)


@pytest.mark.long
def test_a_hangup_restarts_a_worker(processes: Processes) -> None:
    workers = [start(processes), start_by_our_command(processes)]
    for worker in workers:
        wait_for(processes, worker, READY)
        os.killpg(worker.pid, signal.SIGHUP)
    for worker in workers:
        wait_for(processes, worker, READY, count=2)
        tell_group(worker)
        check_end(processes, worker)


@pytest.mark.long
def test_the_processes_of_a_worker_end_with_its_main_process(processes: Processes) -> None:
    worker = start(processes, count=2)
    wait_for(processes, worker, READY, count=2)
    assert len(group(worker)) == 3
    worker.kill()
    check_end(processes, worker, -signal.SIGKILL)


@pytest.mark.long
def test_a_worker_ends_while_redis_does_not_answer(processes: Processes) -> None:
    frozen, rejected = (
        start(processes),
        start(processes, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0"),
    )
    for worker in (frozen, rejected):
        wait_for(processes, worker, READY)
    processes.running[0].send_signal(signal.SIGSTOP)
    try:
        for worker in (frozen, rejected):
            tell_group(worker)
        for worker in (frozen, rejected):
            check_end(processes, worker)
    finally:
        processes.running[0].send_signal(signal.SIGCONT)


@pytest.mark.long
def test_a_worker_that_waits_for_its_database_ends(processes: Processes) -> None:
    nowhere = f"postgres://nobody@127.0.0.1:{free_port()}/basket"
    ways: list[Callable[[Worker], None]] = [tell_group, tell_main]
    workers = [start(processes, DATABASE_URL=nowhere) for _ in (*ways, "killed")]
    for worker in workers:
        wait_for(processes, worker, "The database cannot be used yet")
    for way, worker in zip(ways, workers, strict=False):
        way(worker)
        check_end(processes, worker)
    workers[-1].kill()
    check_end(processes, workers[-1], -signal.SIGKILL)


def test_a_worker_told_to_stop_while_it_starts_ends(processes: Processes) -> None:
    workers = [start(processes) for _ in range(4)]
    for number, worker in enumerate(workers):
        time.sleep(0.2 * number)
        tell_group(worker)
    for worker in workers:
        worker.wait(STOPPED_SECONDS)
        wait_until(lambda worker=worker: group(worker) == [], "The end of all processes")  # type: ignore[misc]
