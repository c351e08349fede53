"""Real clients, by the code of docs/clients.md: they see changes, and come back after a restart."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from settings import ROOT
from tests.support.databases import sqlite_database
from tests.support.http import client
from tests.support.node_packages import node_script
from tests.support.ports import free_port
from tests.support.process import write_people_to
from tests.support.processes import Processes
from tests.support.shop import serve_shop
from tests.support.waiting import TIMEOUT_SECONDS, wait_until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
FILES = dict(
    re.findall(r"^```\w+ (live[-_]\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
)
PARTS = {"live-fetch.mjs", "live-follow.mjs"}
MODULES = sorted(name for name in FILES.keys() - PARTS if name.endswith(".mjs"))
PYTHON = ("WebsocketsTransport", "AIOHTTPWebsocketsTransport")
GQL_LEAK = re.compile("Unclosed client session$|client_session: ")
RUN_PYTHON = """
import asyncio, sys
from live_gql import BASKET, show, watch

CHANGES = (
    "subscription ($basketId: ID!) { basketChanges(basketId: $basketId) "
    "{ isComplete items { quantity } basket { version } } }"
)

def show_changes(data):
    changes = data["basketChanges"]
    quantities = ",".join(str(item["quantity"]) for item in changes["items"])
    print("changes", changes["basket"]["version"], quantities, flush=True)

async def main():
    await asyncio.gather(
        watch(BASKET, {}, show), watch(CHANGES, {"basketId": sys.argv[1]}, show_changes)
    )

asyncio.run(main())
"""

ADD = """mutation { basketItemsAdd(input: {
  items: [{ sku: "SKU01", divisionErpCode: "ERP01" }, { sku: "SKU02", divisionErpCode: "ERP01" }]
}) { basket { id version } } }"""
UPDATE = """mutation ($quantity: Int!) { basketItemUpdate(input: {
  productRemoteId: 1, divisionId: "1", quantity: $quantity
}) { basket { id version } } }"""


@dataclass
class Watching:
    """A client process, with the files that it writes its output and its errors to."""

    process: subprocess.Popen[bytes]
    output: Path
    errors: Path

    def lines(self) -> list[str]:
        """Returns what it has shown."""
        return self.output.read_text().splitlines()

    def wait_for(self, *beginnings: str) -> None:
        """Waits until it has shown lines that begin like this; fails when it has ended instead."""

        def is_shown() -> bool:
            assert self.process.poll() is None, self.errors.read_text()
            shown = self.lines()
            return all(any(line.startswith(each) for line in shown) for each in beginnings)

        wait_until(is_shown, f"{beginnings} in {self.output.name}")


class Site:
    """A server process that is restarted on its port, and the clients that watch it."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        self.port = free_port()
        self.watching: dict[str, Watching] = {}
        self.basket_id = ""

    def mutate(self, query: str, **variables: Any) -> int:
        """Changes the basket from another device, and returns its new version."""
        response = client().post(
            f"http://127.0.0.1:{self.port}/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": "Token main"},
            timeout=TIMEOUT_SECONDS,
        )
        (payload,) = response.json()["data"].values()
        self.basket_id = payload["basket"]["id"]
        version: int = payload["basket"]["version"]
        return version

    def watch(self, name: str, *command: str, folder: Path) -> None:
        """Starts a client."""
        output, errors = folder / f"{name}.out", folder / f"{name}.err"
        url = f"http://127.0.0.1:{self.port}/graphql"
        with output.open("wb") as out, errors.open("wb") as error:
            process = subprocess.Popen(
                [*command, self.basket_id],
                cwd=folder,
                stdout=out,
                stderr=error,
                env=self.processes.environment
                | {"BASKET_URL": url, "BASKET_TOKEN": "main", "NODE_ENV": "production"},
                start_new_session=True,
            )
        self.processes.running.append(process)
        self.watching[name] = Watching(process, output, errors)

    def run(self, folder: Path) -> None:
        """Lets every client see a change, a restart of the server, and one more change."""
        server = self.processes.serve(self.port)
        assert self.mutate(ADD) == 1
        node_script("live_client.mjs", folder)
        for name in MODULES:
            self.watch(name, "node", "live_client.mjs", f"./{name}", folder=folder)
        for name in PYTHON:
            self.watch(name, sys.executable, f"run_{name}.py", folder=folder)
        for watching in self.watching.values():
            watching.wait_for("1 ", "changes 1")
        assert self.mutate(UPDATE, quantity=5) == 2
        for watching in self.watching.values():
            watching.wait_for("2 ", "changes 2")
        server.send_signal(signal.SIGTERM)
        assert server.wait(TIMEOUT_SECONDS) == 0
        self.processes.serve(self.port)
        assert self.mutate(UPDATE, quantity=7) == 3
        for watching in self.watching.values():
            watching.wait_for("3 ", "changes 3")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """All clients, after they have seen everything."""
    folder = tmp_path_factory.mktemp("clients")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    for name in PYTHON:
        (folder / name).mkdir()
        text = FILES["live_gql.py"].replace("WebsocketsTransport", name)
        module = "websockets" if name == PYTHON[0] else "aiohttp_websockets"
        text = text.replace("gql.transport.websockets", f"gql.transport.{module}")
        (folder / f"{name}.py").write_text(text)
        (folder / f"run_{name}.py").write_text(RUN_PYTHON.replace("live_gql", name))
    url = await asyncio.to_thread(sqlite_database, folder)
    await write_people_to(url)
    async with serve_shop() as shop:
        settings = {"COMMERCE_URL": shop.url, "ENVIRONMENT": "test", "HOST": "127.0.0.1"}
        processes = Processes(folder, DATABASE_URL=url, REDIS_URL="", **settings)
        site = Site(processes)
        try:
            await asyncio.to_thread(site.run, folder)
            yield site
        finally:
            await asyncio.to_thread(processes.end)


async def test_every_client_of_the_page_is_run() -> None:
    assert MODULES == [
        "live-apollo-http.mjs",
        "live-apollo-ws.mjs",
        "live-graphql-sse.mjs",
        "live-graphql-ws.mjs",
        "live-urql-http.mjs",
        "live-urql-ws.mjs",
    ]
    assert FILES.keys() - set(MODULES) == {*PARTS, "live_gql.py"}


@pytest.mark.parametrize("name", [*MODULES, *PYTHON])
async def test_a_client_sees_every_change_and_comes_back_without_an_error(
    site: Site, name: str
) -> None:
    watching = site.watching[name]
    versions = [line.split()[0] for line in watching.lines() if line[0].isdigit()]
    # After the restart it may see the state before the last change once more.
    assert versions in (["1", "2", "3"], ["1", "2", "2", "3"])
    errors = watching.errors.read_text().splitlines()
    if name == "AIOHTTPWebsocketsTransport":
        # gql leaves a session open when it cannot connect, and aiohttp says so.
        errors = [line for line in errors if not GQL_LEAK.match(line)]
    assert errors == []


@pytest.mark.parametrize("name", ["live-graphql-sse.mjs", "live-graphql-ws.mjs"])
async def test_after_a_restart_only_what_was_missed_is_sent(site: Site, name: str) -> None:
    lines = site.watching[name].lines()
    changes = [line for line in lines if line.startswith("changes")]
    assert changes[:2] == ["changes 1 false ", "changes 2 false 5"]
    assert changes[-1] == "changes 3 false 7"


async def test_a_stream_that_ends_in_order_without_its_end_was_cut(tmp_path: Path) -> None:
    script = await asyncio.to_thread(node_script, "live_fetch.mjs", tmp_path)
    (tmp_path / "live-fetch.mjs").write_text(FILES["live-fetch.mjs"])
    done = await asyncio.to_thread(
        subprocess.run,
        ["node", str(script)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "/events whole",
        "/cut-events The stream was cut.",
        "/parts whole",
        "/cut-parts The stream was cut.",
        "/json whole",
    ]
