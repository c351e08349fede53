"""Real clients, unchanged: those that send hashes, and those whose build writes a manifest."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from settings import ROOT
from tests.support.http import client as http
from tests.support.node_packages import node_modules, node_script
from tests.support.raw_http import raw_server
from tests.support.waiting import TIMEOUT_SECONDS
from web.documents.trusted import MISS_SECONDS

pytestmark = pytest.mark.long

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
PERSIST = '"persistConfig": { "file": "./persisted.json" }'
TEXT, RELAY = "query: request.text", "documentId: request.id"


def test_apollo_and_urql_send_a_text_once(tmp_path: Path) -> None:
    script = node_script("persisted_queries.mjs", tmp_path)
    with raw_server(tmp_path, DOCUMENTS="persisted") as server:
        command = ["node", str(script), f"http://127.0.0.1:{server.port}/graphql"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert {result["email"] for result in results} == {"main@demo.invalid"}
    assert [(result["client"], result["methods"]) for result in results] == [
        ("Apollo", ["POST", "POST"]),
        ("Apollo", ["POST", "POST"]),
        ("Apollo", ["POST"]),
        ("Apollo by GET", ["GET", "POST"]),
        ("Apollo by GET", ["GET", "POST"]),
        ("Apollo by GET", ["GET"]),
        ("urql", ["GET", "GET"]),
        ("urql", ["GET", "GET"]),
        ("urql", ["GET"]),
        ("urql by GET", ["GET", "GET"]),
        ("urql by GET", ["GET", "GET"]),
        ("urql by GET", ["GET"]),
    ]


@dataclass(frozen=True)
class Client:
    """The folder of a client, and the environment of its programs: a server and its database."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, status: int = 0) -> str:
        """Runs a program, which must end with a status, and returns its output."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == status, f"{done.stdout}{done.stderr}"
        return done.stdout

    def add(self, manifest: str) -> str:
        """Adds a manifest to the running server, and waits until it looks for it if it is asked."""
        python, server = str(ROOT / ".venv/bin/python"), str(ROOT / "server.py")
        said = self.run(python, server, "documents", "add", manifest)
        time.sleep(MISS_SECONDS)
        return said

    def write(self, name: str, text: str) -> None:
        """Writes a file."""
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The files of the page, beside a server that executes trusted documents only."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "node_modules").symlink_to(node_modules())
    shutil.copy(ROOT / "schema" / "schema.graphql", folder)
    with raw_server(folder, DOCUMENTS="trusted") as server:
        path = f"{folder / 'node_modules' / '.bin'}:{os.environ['PATH']}"
        client = Client(
            folder,
            os.environ
            | {
                "PATH": path,
                "DATABASE_URL": f"sqlite://{folder / 'test.sqlite3'}",
                "BASKET_URL": f"http://127.0.0.1:{server.port}/graphql",
                "BASKET_TOKEN": "demo-main",
            },
        )
        for name, text in FILES.items():
            client.write(name, text)
        client.write("package.json", "{}")
        yield client


def test_the_manifest_of_graphql_code_generator(client: Client) -> None:
    client.run("graphql-codegen", "--config", "codegen-persisted.ts")
    options = "--bundle --platform=node --format=esm --outfile=persisted-ts.mjs"
    client.run("esbuild", "src/persisted.ts", *options.split(), "--log-level=error")
    client.run("node", "persisted-ts.mjs", status=1)
    assert client.add("generated/persisted-documents.json").startswith("Added 1 ")
    assert client.run("node", "persisted-ts.mjs") == "main@demo.invalid\n"


def test_the_manifest_of_relays_compiler(client: Client) -> None:
    assert PERSIST in PAGE
    assert RELAY in PAGE
    configuration = json.loads(FILES["relay.config.json"]) | json.loads(f"{{{PERSIST}}}")
    client.write("relay.config.json", json.dumps(configuration))
    client.write("persisted.json", "{}")
    client.write("src/relay.js", FILES["src/relay.js"].replace(TEXT, RELAY))
    client.run("relay-compiler")
    node_script("relay_build.mjs", client.folder)
    client.run("node", "relay_build.mjs")
    assert client.add("persisted.json").startswith("Added 1 ")
    # REST asks no library of documents.
    url = client.environment["BASKET_URL"].replace("graphql", "api/v1/basket/")
    body = {"product_remote_id": 1, "division": 1, "quantity": 1}
    added = http().post(url, json=body, headers={"Authorization": "Token demo-main"})
    assert added.status_code == 200
    assert client.run("node", "relay.mjs") == "true\n"


def test_the_manifest_of_apollos_generator(client: Client) -> None:
    client.run("generate-persisted-query-manifest")
    client.run("node", "apollo-trusted.mjs", status=1)
    assert client.add("persisted-query-manifest.json").startswith("Added 1 ")
    assert client.run("node", "apollo-trusted.mjs") == "main@demo.invalid\n"
    # A client that computes hashes computes the ids of its documents.
    assert client.run("node", "persisted.mjs") == "main@demo.invalid\n"
