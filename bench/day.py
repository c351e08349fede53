"""The bytes of a day's use of a basket of 100 items, by the ways in which a phone may ask.

The app opens the basket, makes 20 changes, and is brought to the front twice after each, which
refreshes: 61 requests over one HTTP/1.1 connection. Counted are all bytes that are sent and that
are received, heads included, without TLS. Every item is shown with its product and divisions.

A way with ids sends `documentId` instead of a text; one with ETags reads by GET and sends the last
one as `If-None-Match`; one with deltas asks for what has changed since the version that it has.
"""

import argparse
import asyncio
import gzip
import hashlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import asyncpg

from bench.checkouts import checkouts_of, find_python
from bench.files import FilesDiffer
from bench.operations import HEADER, OURS
from bench.population import Placed
from bench.reset import reset
from bench.run import prepare
from bench.servers import all_running
from settings import ROOT

USER = "bench-r100"
CHANGES = 20
REFRESHES = 2
"""Refreshes after each change."""

_ITEM = (
    "id price quantity totalAmount product { remoteId sku name currency productImage inStock } "
    "divisions { quantity division { id name erpCode } }"
)
_WHOLE = f"{{ {HEADER} items {{ {_ITEM} }} }}"
_DELTA = (
    "{ delta(sinceVersion: $version) { isComplete removedItemIds "
    f"items {{ {_ITEM} }} basket {{ id version totalAmount totalQuantity itemCount }} }} }}"
)
_ADD = (
    "basketItemsAdd(input: {items: [{productRemoteId: $product, divisionId: $division}]}) "
    "{ basket %s userErrors { code message field } }"
)
READ = f"query Basket {{ activeBasket {_WHOLE} }}"
READ_DELTA = f"query BasketDelta($version: Int!) {{ activeBasket {_DELTA} }}"
ADD = f"mutation Add($product: Int!, $division: ID!) {{ {_ADD % _WHOLE} }}"
ADD_DELTA = (
    "mutation AddDelta($product: Int!, $division: ID!, $version: Int!) "
    f"{{ {_ADD % _DELTA} }}"
)
DOCUMENTS = (READ, READ_DELTA, ADD, ADD_DELTA)


class Way(NamedTuple):
    """How the app asks; `coding` is what it accepts."""

    name: str
    coding: str = "identity"
    by_id: bool = False
    by_etag: bool = False
    by_delta: bool = False


WAYS = (
    Way("the whole basket each time"),
    Way("compressed", "gzip"),
    Way("compressed, documents by id", "gzip", by_id=True),
    Way("the same, with ETags", "gzip", by_id=True, by_etag=True),
    Way("compressed, documents by id, deltas", "gzip", by_id=True, by_delta=True),
)


class Answer(NamedTuple):
    """The status, the ETag and the content of a response; without content None."""

    status: int
    etag: str
    data: Any


@dataclass
class Connection:
    """A connection to the server, and the bytes that went both ways."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sent: int = 0
    received: int = 0

    async def ask(self, head: str, body: bytes = b"") -> Answer:
        """Sends a request whose head ends before its length, and reads the response."""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        request = f"{head}{length}\r\n".encode() + body
        self.writer.write(request)
        answered = await self.reader.readuntil(b"\r\n\r\n")
        status, *lines = answered.decode().strip().splitlines()
        pairs = (line.split(": ", 1) for line in lines)
        fields = {name.lower(): value for name, value in pairs}
        content = await self.reader.readexactly(int(fields.get("content-length", 0)))
        self.sent += len(request)
        self.received += len(answered) + len(content)
        if fields.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        number = int(status.split()[1])
        data = json.loads(content)["data"] if number == 200 else None
        return Answer(number, fields.get("etag", ""), data)


class Phone:
    """An app that uses a basket for a day."""

    def __init__(self, connection: Connection, way: Way, placed: Placed) -> None:
        self.connection = connection
        self.way = way
        self.placed = placed
        self.version = 0
        self.etag = ""

    async def use(self) -> None:
        """Opens the basket, changes it and refreshes; raises FilesDiffer for a wrong answer."""
        await self.read_whole()
        for number in range(CHANGES):
            await self.change(number)
            for _ in range(REFRESHES):
                await (self.read_delta() if self.way.by_delta else self.read_whole())
        if self.version != CHANGES + 1:
            raise FilesDiffer(f"After {CHANGES} changes the version is {self.version}.")

    async def read_whole(self) -> None:
        """Reads the basket."""
        if not self.way.by_etag:
            answer = await self.post(READ)
        else:
            answer = await self.get(READ)
            self.etag = answer.etag
        if answer.data:
            self.version = answer.data["activeBasket"]["version"]

    async def read_delta(self) -> None:
        """Reads what has changed."""
        answer = await self.post(READ_DELTA, version=self.version)
        self.version = answer.data["activeBasket"]["delta"]["basket"]["version"]

    async def change(self, number: int) -> None:
        """Adds a unit of a product that the basket holds."""
        given = {
            "product": self.placed.held_product(1) + number,
            "division": f"division_{self.placed.main_division(1)}",
        }
        if not self.way.by_delta:
            answer = await self.post(ADD, **given)
            self.version = answer.data["basketItemsAdd"]["basket"]["version"]
            return
        answer = await self.post(ADD_DELTA, **given, version=self.version)
        delta = answer.data["basketItemsAdd"]["basket"]["delta"]
        self.version = delta["basket"]["version"]

    async def post(self, document: str, **variables: Any) -> Answer:
        """Sends an operation by POST."""
        content = self.named(document) | ({"variables": variables} if variables else {})
        body = json.dumps(content, separators=(",", ":")).encode()
        head = self.head("POST /graphql") + "Content-Type: application/json\r\n"
        return await self.connection.ask(head, body)

    async def get(self, document: str) -> Answer:
        """Sends a query by GET, with the last ETag."""
        head = self.head(f"GET /graphql?{urlencode(self.named(document))}")
        known = f"If-None-Match: {self.etag}\r\n" if self.etag else ""
        return await self.connection.ask(head + known)

    def named(self, document: str) -> dict[str, str]:
        """Returns the part of a request that names its document."""
        return {"documentId": id_of(document)} if self.way.by_id else {"query": document}

    def head(self, line: str) -> str:
        """Returns the head that all requests begin with."""
        return (
            f"{line} HTTP/1.1\r\nHost: basket.example\r\nAuthorization: Token {USER}-1\r\n"
            f"Accept: application/graphql-response+json\r\nAccept-Encoding: {self.way.coding}\r\n"
        )


def id_of(document: str) -> str:
    """Returns the id of a document."""
    return f"sha256:{hashlib.sha256(document.encode()).hexdigest()}"


def add_documents(url: str, folder: Path) -> None:
    """Adds the documents to the database, as `server.py documents add` does."""
    manifest = folder / "manifest.json"
    texts = {id_of(document): document for document in DOCUMENTS}
    manifest.write_text(json.dumps(texts), encoding="utf-8")
    # The program `env` adds to the environment, which only settings/ reads.
    command = ["env", f"DATABASE_URL={url}", find_python(ROOT), "server.py"]
    subprocess.run([*command, "documents", "add", str(manifest)], cwd=ROOT, check=True)


async def measure_day(arguments: argparse.Namespace) -> None:
    """Uses a basket by each of the ways and prints the bytes."""
    url = arguments.database
    populations = await prepare(url)
    placed = next(each for each in populations if each.population.prefix == USER)
    database = await asyncpg.connect(url)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="basket-bench-") as folder,
            all_running(checkouts_of([OURS], url)) as servers,
        ):
            add_documents(url, Path(folder))
            for way in WAYS:
                await reset(database, populations)
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", servers[OURS].port, limit=2**22
                )
                connection = Connection(reader, writer)
                await Phone(connection, way, placed).use()
                writer.close()
                print(_line(way, connection), flush=True)
    finally:
        await database.close()


def _line(way: Way, connection: Connection) -> str:
    sent, received = connection.sent / 1e3, connection.received / 1e3
    return f"{way.name:<38}{sent:9.1f} kB sent{received:9.1f} kB received"
