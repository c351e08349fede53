"""What production rejects to start on, however it is started, and what its processes write."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest

from settings import SECRET_KEY_OF_THE_DEMO
from tests.support.command_line import CommandLine
from tests.support.forks import Start, run_for_lines, start_process
from tests.support.http import client
from tests.support.ports import free_port
from tests.support.process import SECRET_KEY
from tests.support.waiting import TIMEOUT_SECONDS

GOOD = {
    "ENVIRONMENT": "production",
    "COMMERCE_URL": "http://127.0.0.1:1",
    "SECRET_KEY": SECRET_KEY,
}
NOT_SET = (
    "SECRET_KEY is not set: production signs addresses with a long random text of its own."
)
WEAK = (
    "SECRET_KEY is weak: set a random text of at least 32 characters, "
    "for example by python3 -c 'import secrets; print(secrets.token_hex(32))'."
)
DEMO = "The database has demo users; revoke their tokens: python server.py token revoke demo-main"


def run(*command: str, **environment: str) -> tuple[int, list[str]]:
    """Runs a process to its end; returns its status and its lines."""
    program = str(Path(sys.executable).parent / command[0])
    return run_for_lines(program, *command[1:], **environment)


def uvicorn() -> tuple[str, ...]:
    """Returns the command of a server that is not started by ours."""
    return ("uvicorn", "server:application", "--port", str(free_port()))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"DEBUG": "true"}, "DEBUG is on: set DEBUG=false in production."),
        ({"SECRET_KEY": SECRET_KEY_OF_THE_DEMO}, NOT_SET),
        ({}, DEMO),
    ],
)
def test_uvicorn_rejects_to_serve_it(
    sqlite_url: str, wrong: dict[str, str], message: str
) -> None:
    CommandLine(sqlite_url).accepted("demo")
    status, lines = run(*uvicorn(), DATABASE_URL=sqlite_url, **GOOD | wrong)
    assert status == 3
    messages = [json.loads(line)["message"] for line in lines if line.startswith("{")]
    assert message in messages
    assert not [line for line in lines if "Traceback" in line]


def test_any_database_but_sqlite_is_production(postgres_url: str) -> None:
    status, lines = run(
        *uvicorn(),
        DATABASE_URL=postgres_url,
        COMMERCE_URL="http://127.0.0.1:1",
        SECRET_KEY="",
    )
    assert status == 3
    assert NOT_SET in "\n".join(lines)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"DEBUG": "true"}, "DEBUG is on: set DEBUG=false in production."),
        ({"SECRET_KEY": "0123456789abcdef0123456789abcde"}, WEAK),
    ],
)
def test_the_worker_rejects_to_work_on_it(
    postgres_url: str, wrong: dict[str, str], message: str
) -> None:
    environment = (
        GOOD | {"DATABASE_URL": postgres_url, "REDIS_URL": "redis://127.0.0.1:1/0"} | wrong
    )
    status, lines = run("python", "-c", "import dramatiq.cli, tasks", **environment)
    assert (status, [json.loads(line)["message"] for line in lines]) == (1, [message])


def test_a_server_that_uvicorn_started_writes_json_alone(
    sqlite_url: str, tmp_path: Path
) -> None:
    output, command = tmp_path / "output.txt", uvicorn()
    environment = os.environ | GOOD | {"DATABASE_URL": sqlite_url, "ACCESS_LOG": "true"}
    with output.open("wb") as file:
        process = start_process(
            Start((sys.executable, "-m", *command), environment, file, errors=file)
        )
    try:
        headers = {"Authorization": "Token 5f0c-secret", "X-Request-ID": "mine"}
        wait_for(f"http://127.0.0.1:{command[-1]}/healthz?token=5f0c-secret", headers)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(TIMEOUT_SECONDS)
    text = output.read_text()
    assert "5f0c-secret" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["message"].startswith("Started server process")
    (answered,) = [line for line in lines if line["logger"] == "basket.access"]
    assert (answered["route"], answered["status"], answered["request_id"]) == (
        "/healthz",
        200,
        "mine",
    )
    assert any(line["message"].startswith("Uvicorn running on") for line in lines)


def wait_for(url: str, headers: dict[str, str]) -> None:
    """Asks until an answer comes."""
    limit = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < limit:
        try:
            assert client().get(url, headers=headers).status_code == 200
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("The server does not answer.")


def test_a_log_setting_that_cannot_be_is_rejected(sqlite_url: str) -> None:
    assert CommandLine(sqlite_url, LOG_LEVEL="LOUD").run("migrate") == (
        1,
        "",
        "LOG_LEVEL is 'LOUD'; it is one of DEBUG, INFO, WARNING, ERROR, CRITICAL.",
    )
    assert CommandLine(sqlite_url, LOG_FORMAT="xml").run("migrate") == (
        1,
        "",
        "LOG_FORMAT is 'xml'; it is one of json, text.",
    )
