"""Run in a network namespace of its own: reads a large basket over 10 Mbit/s, and prints bytes and seconds."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from models.database.connection import connect, disconnect
from tests.support.databases import migrated_file
from tests.support.forks import SHARED
from tests.support.many_items import fill_basket
from tests.support.ports import free_port
from tests.support.processes import Processes
from tests.support.programs import program
from tests.support.service import write_people
from tests.support.statements import statement

RATE = "10mbit"
ITEMS = 447
DOCUMENT = (
    "{ activeBasket { id status name version items { id productRemoteId price quantity "
    "totalAmount product { remoteId sku name price currency variants productImage inStock "
    "refreshedAt } divisions { quantity totalAmount division { id name erpCode type "
    "isActive parent { id name erpCode type isActive } } } } } }"
)
"""The selection of the benchmark's reads."""

VARIETY = (
    "UPDATE product SET price = 490 + id * 104729 % 249500, sku = 'BENCH-' || id, "
    "name = 'Ürün ' || id || ', \"bench\", 18 mm', "
    'variants = CASE id % 3 WHEN 0 THEN \'{}\' ELSE \'{"color":"red","size":"\' || (id % 7) || \'"}\' END, '
    "product_image = CASE id % 5 WHEN 0 THEN NULL ELSE 'https://images.example.com/' || id || '.jpg' END",
    "UPDATE basket_item SET price = (SELECT price FROM product WHERE id = product_id)",
    "UPDATE basket_item_division SET quantity = 1 + (item_id + division_id) % 9",
)
"""The products of the benchmark: no two have the same texts, as they would compress better."""


async def write_basket(url: str) -> None:
    """Writes the people, and a basket of many items for two divisions."""
    await connect(url)
    await write_people()
    await fill_basket(ITEMS)
    for change in VARIETY:
        await statement(change).rows()
    await disconnect()


def slow_down() -> None:
    """Gives the loopback of this namespace the rate of a slow link."""
    # A larger packet than a link's would be let through whole.
    subprocess.run([program("ip"), "link", "set", "lo", "up", "mtu", "1500"], check=True)
    # A token bucket, which more kernels have than netem.
    bucket = ["tbf", "rate", RATE, "burst", "16kb", "latency", "2s"]
    command = [program("tc"), "qdisc", "add", "dev", "lo", "root", *bucket]
    subprocess.run(command, check=True)


def read_basket(port: int, accept: str) -> tuple[int, float]:
    """Returns the bytes of a response, and the seconds until the last of them arrived."""
    body = json.dumps({"query": DOCUMENT}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Token main\r\n"
        f"Content-Type: application/json\r\nAccept-Encoding: {accept}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port)) as connection:
        began = time.perf_counter()
        connection.sendall(head.encode() + body)
        pieces = list(iter(lambda: connection.recv(65_536), b""))
        return sum(map(len, pieces)), time.perf_counter() - began


def main() -> None:
    """Prints for each coding the bytes and the least seconds of three reads."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "basket.sqlite3")
        file.write_bytes(migrated_file())
        url = f"sqlite://{file}"
        asyncio.run(write_basket(url))
        slow_down()
        # Processes that another one forks would be in the network of that.
        os.environ.pop(SHARED, None)
        processes = Processes(
            Path(name), DATABASE_URL=url, REDIS_URL="", ENVIRONMENT="test"
        )
        port = free_port()
        try:
            processes.serve(port)
            found = {}
            for accept in ("identity", "gzip", "zstd"):
                reads = [read_basket(port, accept) for _ in range(4)]
                found[accept] = min(reads, key=lambda read: read[1])
        finally:
            processes.end()
    sys.stdout.write(json.dumps(found) + "\n")


main()
