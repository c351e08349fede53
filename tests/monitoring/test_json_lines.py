"""In production every line of every process is JSON, from the first one to the last."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from settings import ROOT
from tests.support.command_line import CommandLine
from tests.support.databases import sqlite_database
from tests.support.ports import free_port
from tests.support.process import SECRET_KEY
from tests.support.processes import Processes, answers, wait_until
from tests.support.waiting import TIMEOUT_SECONDS

PRODUCTION = {
    "ENVIRONMENT": "production",
    "COMMERCE_URL": "http://127.0.0.1:1",
    "SECRET_KEY": SECRET_KEY,
    "REDIS_URL": "",
}


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Processes of production on an empty database, which end with the test."""
    started = Processes(tmp_path, DATABASE_URL=sqlite_database(tmp_path), **PRODUCTION)
    yield started
    started.end()


def messages(processes: Processes) -> list[str]:
    """Returns the messages of all lines that the processes have written; each line has to be JSON."""
    logs = sorted(processes.folder.glob("*.log"))
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    assert all(line.keys() >= {"time", "level", "logger", "message"} for line in lines)
    return [line["message"] for line in lines]


def is_said(processes: Processes, text: str) -> bool:
    """Tells whether a text stands in a log."""
    return any(text in log.read_text() for log in processes.folder.glob("*.log"))


@pytest.mark.parametrize(
    "command",
    [
        ["server.py", "serve"],
        ["-m", "uvicorn", "server:application"],
        ["-m", "uvicorn", "server:application", "--workers", "2"],
    ],
)
def test_a_server_writes_json_alone(processes: Processes, command: list[str]) -> None:
    port = str(free_port())
    if "--workers" in command:
        command = [
            *command,
            "--log-config",
            str(ROOT / "docs" / "deployment" / "uvicorn-logs.json"),
        ]
    options = ["--port", port] if "uvicorn" in command else []
    process = processes.start(
        sys.executable, *command, *options, PORT=port, LOG_LEVEL="DEBUG"
    )
    wait_until(
        lambda: answers(f"http://127.0.0.1:{port}/readyz"), "The start of the server"
    )
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    written = messages(processes)
    if "uvicorn" in command:
        assert written[0].startswith(("Started server process", "Uvicorn running on"))


def test_a_worker_writes_json_alone(processes: Processes) -> None:
    port = free_port()
    redis = Processes(processes.folder.parent)
    try:
        redis.redis(port)
        processes.environment["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
        worker = processes.start(
            sys.executable, "server.py", "work", "--processes", "2", "--threads", "1"
        )
        wait_until(
            lambda: is_said(processes, "ready for action"), "The start of the worker"
        )
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
    finally:
        redis.end()
    written = messages(processes)
    assert any("is booting up" in message for message in written)
    assert any("ready for action" in message for message in written)


def test_a_worker_that_may_not_start_says_why_once(processes: Processes) -> None:
    processes.environment |= {"SECRET_KEY": "weak", "REDIS_URL": "redis://127.0.0.1:1/0"}
    worker = processes.start(sys.executable, "server.py", "work")
    assert worker.wait(60) == 1
    (message,) = messages(processes)
    assert message.startswith("SECRET_KEY is weak:")


def test_the_last_line_of_a_server_that_may_not_start_is_the_reason(
    processes: Processes,
) -> None:
    port = free_port()
    redis = Processes(processes.folder.parent)
    try:
        redis.redis(port)
        processes.environment["REDIS_URL"] = f"redis://127.0.0.1:{port}/99"
        server = processes.start(sys.executable, "server.py", PORT="0")
        assert server.wait(60) == 1
    finally:
        redis.end()
    (message,) = messages(processes)
    assert message == "REDIS_URL: Redis cannot be used: it has no database of this number."


def test_migrations_are_told_in_json(tmp_path: Path) -> None:
    line = CommandLine(f"sqlite://{tmp_path / 'basket.sqlite3'}", **PRODUCTION)
    status, output, errors = line.run("migrate")
    assert (status, output) == (0, "")
    assert [json.loads(row)["message"] for row in errors.splitlines()] == [
        "The tables are up to date."
    ]


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_database_that_cannot_be_used_is_told_in_json(
    tmp_path: Path, command: str
) -> None:
    line = CommandLine("postgres://me:hidden@127.0.0.1:1/none", **PRODUCTION)
    status, output, errors = line.run(command)
    assert (status, output) == (1, "")
    (message,) = [json.loads(row)["message"] for row in errors.splitlines()]
    assert message.startswith(
        "The database postgres://127.0.0.1:1/none (DATABASE_URL) cannot be used: "
    )
    assert "hidden" not in errors


def test_warnings_and_exceptions_of_python_are_lines_of_json() -> None:
    code = """
import logs, threading, warnings
from settings.options import LogOptions
logs.set_up(LogOptions())
warnings.warn("first\\nof two lines")
def fail(): raise OSError("second")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
class Ending:
    def __del__(self): raise OSError("third")
Ending()
raise OSError("fourth")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=CommandLine("", **PRODUCTION).environment
        | {"DATABASE_URL": "sqlite:///x.sqlite3"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert (done.returncode, done.stdout) == (1, "")
    assert [(line["level"], line["logger"]) for line in lines] == [
        ("WARNING", "py.warnings"),
        *[("CRITICAL", "basket")] * 3,
    ]
    texts = [line.get("error", line["message"]).splitlines() for line in lines]
    assert "UserWarning: first" in texts[0][0]
    assert [text[-1] for text in texts[1:]] == [
        "OSError: second",
        "OSError: third",
        "OSError: fourth",
    ]
