"""`python server.py serve` as a newcomer runs it: a real process, its printed line pasted, stopped, started again."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from settings import SECRET_KEY_OF_THE_DEMO
from tests.support.command_line import CommandLine, Commands
from tests.support.databases import sqlite_database
from tests.support.forks import Start, start_process
from tests.support.http import client
from tests.support.waiting import TIMEOUT_SECONDS

SECRET_KEY = "of-this-test-and-long-enough-for-production"


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def serving(
    folder: Path, **more: str
) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """Starts the server on a SQLite file in a folder; yields process, address and the file of its output."""
    port, output = free_port(), folder / "output.txt"
    environment = (
        os.environ
        | {
            "DATABASE_URL": f"sqlite://{folder / 'new' / 'basket.sqlite3'}",
            "PORT": str(port),
        }
        | more
    )
    with output.open("wb") as file:
        command = (sys.executable, "server.py")
        process = start_process(Start(command, environment, file, errors=file))
    try:
        yield process, f"http://127.0.0.1:{port}", output
    finally:
        process.kill()
        process.wait(TIMEOUT_SECONDS)


def wait_until_ready(address: str) -> float:
    """Waits until the server answers and returns how many seconds it took."""
    begin = time.monotonic()
    while time.monotonic() - begin < TIMEOUT_SECONDS:
        try:
            if client().get(f"{address}/readyz").status_code == 200:
                return time.monotonic() - begin
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError("The server does not answer.")


def pasted(output: Path) -> dict[str, object]:
    """Runs the printed curl line with bash and returns its answer."""
    line = re.search(r"  curl .*\n.*\n", output.read_text())
    assert line is not None
    done = subprocess.run(
        ["bash", "-c", line[0]], capture_output=True, timeout=TIMEOUT_SECONDS, check=True
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def answer(amount: str, quantity: int) -> dict[str, object]:
    """Returns the answer to the printed line."""
    basket = {"totalAmount": amount, "totalQuantity": quantity}
    return {"data": {"basketItemsAdd": {"basket": basket, "userErrors": []}}}


def read_kinds(address: str) -> list[str]:
    """Returns the kinds of the changes of the buyer's basket."""
    query = "{ activeBasket { changes { edges { node { kind lines { totalCount } } } } } }"
    headers = {"Authorization": "Token demo-main"}
    response = client().post(f"{address}/graphql", json={"query": query}, headers=headers)
    edges = response.json()["data"]["activeBasket"]["changes"]["edges"]
    return [edge["node"]["kind"] for edge in edges]


def test_the_printed_line_works_and_a_second_start_is_quick_and_keeps_the_data(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as (process, address, output):
        wait_until_ready(address)
        text = output.read_text()
        assert f"{address}/graphql" in text
        assert "demo-main" in text
        assert pasted(output) == answer("10.55", 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_SECONDS) == 0
    with serving(tmp_path) as (process, address, output):
        wait_until_ready(address)
        assert pasted(output) == answer("21.10", 2)
        assert read_kinds(address) == ["ITEMS_ADDED", "ITEMS_ADDED"]
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_SECONDS) == 0
        assert "Traceback" not in output.read_text()


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = CommandLine(f"sqlite://{tmp_path / 'basket.sqlite3'}", PORT=str(port))
        status, output, errors = line.run()
    assert (status, output) == (1, "")
    assert (
        errors
        == f"127.0.0.1:{port} cannot be served on: Address already in use. Set HOST or PORT."
    )


def test_a_port_that_cannot_be_is_said_in_one_line(tmp_path: Path) -> None:
    line = CommandLine(f"sqlite://{tmp_path / 'basket.sqlite3'}", PORT="65536")
    assert line.run() == (1, "", "PORT is '65536'; it is a whole number from 0 to 65535.")


def test_a_limit_that_cannot_be_is_said_in_one_line(tmp_path: Path) -> None:
    line = CommandLine(f"sqlite://{tmp_path / 'basket.sqlite3'}", RATE_LIMIT_TOKEN="many")
    assert line.run() == (
        1,
        "",
        "RATE_LIMIT_TOKEN is 'many'; it is like 6000/minute, or 0 for no limit.",
    )


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "COMMERCE_URL is not set: production needs a real Commerce."),
        (
            {"COMMERCE_URL": "http://127.0.0.1:1", "DEBUG": "true"},
            "DEBUG is on: set DEBUG=false in production.",
        ),
        (
            {"COMMERCE_URL": "http://127.0.0.1:1"},
            "SECRET_KEY is not set: production signs addresses with a long random text of its own.",
        ),
        (
            {"COMMERCE_URL": "http://127.0.0.1:1", "SECRET_KEY": SECRET_KEY_OF_THE_DEMO},
            "SECRET_KEY is not set: production signs addresses with a long random text of its own.",
        ),
        (
            {"COMMERCE_URL": "http://127.0.0.1:1", "SECRET_KEY": "short"},
            "SECRET_KEY is weak: set a random text of at least 32 characters, "
            "for example by python3 -c 'import secrets; print(secrets.token_hex(32))'.",
        ),
        (
            {"COMMERCE_URL": "http://127.0.0.1:1", "SECRET_KEY": "s" * 40},
            "SECRET_KEY is weak: set a random text of at least 32 characters, "
            "for example by python3 -c 'import secrets; print(secrets.token_hex(32))'.",
        ),
        (
            {"COMMERCE_URL": "http://127.0.0.1:1", "SECRET_KEY": SECRET_KEY},
            "The database has demo users; revoke their tokens: python server.py token revoke demo-main",
        ),
    ],
)
def test_production_rejects_to_start_with_a_setting_of_the_demo(
    tmp_path: Path, environment: dict[str, str], message: str
) -> None:
    url = sqlite_database(tmp_path)
    Commands(url).accepted("demo")
    line = CommandLine(url, ENVIRONMENT="production", PORT=str(free_port()), **environment)
    status, output, errors = line.run("serve")
    assert (status, output) == (1, "")
    assert message in [json.loads(line)["message"] for line in errors.splitlines()]


def test_production_serves_without_showing_a_token(tmp_path: Path) -> None:
    more = {
        "ENVIRONMENT": "production",
        "COMMERCE_URL": "http://127.0.0.1:1",
        "SECRET_KEY": SECRET_KEY,
    }
    with serving(tmp_path, **more) as (_, address, output):
        wait_until_ready(address)
        for path in ("/graphql", "/"):
            page = client().get(f"{address}{path}", headers={"Accept": "text/html"})
            assert page.status_code in (401, 404)
            assert "GraphiQL" not in page.text
        headers = {"Authorization": "Token demo-main"}
        query = {"query": "{ viewer { id } }"}
        assert (
            client().post(f"{address}/graphql", json=query, headers=headers).status_code
            == 401
        )
        assert output.read_text() == ""
