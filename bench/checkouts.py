"""Another checkout of the server, with a database of its own.

Either may have migrations that the other does not know, so that each needs its own tables.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import asyncpg

from bench.load import check_ownership, load
from bench.operations import BESIDE
from bench.population import Placed
from settings import ROOT


class Checkout(NamedTuple):
    """The folder of a checkout, and the URL of its database."""

    root: Path
    url: str


class MigrationFailed(Exception):
    """Raised when a checkout cannot migrate its own database."""


def checkouts_of(
    kinds: Iterable[str], url: str, beside: Checkout | None = None
) -> dict[str, Checkout]:
    """Returns the checkouts that the kinds of servers are started from; `beside` is of BESIDE."""
    return {
        kind: beside if kind == BESIDE and beside else Checkout(ROOT, url) for kind in kinds
    }


def find_python(root: Path) -> str:
    """Returns the Python of a checkout's environment, or this one where it has none."""
    own = root / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


async def prepare_checkout(root: Path, url: str, populations: list[Placed]) -> Checkout:
    """Makes a database named like that of `url` with `_beside`, and loads the data.

    The checkout migrates it; one of an earlier run is dropped. Raises MigrationFailed and
    NotABenchmark.
    """
    parts = urlsplit(url)
    name = f"{parts.path.removeprefix('/')}_beside"
    checkout = Checkout(root, parts._replace(path=f"/{name}").geturl())
    print(f"Loading {name} ...", flush=True)
    await _create_database(checkout.url, name)
    await asyncio.to_thread(_migrate, checkout)
    await load(checkout.url, populations, quiet=True)
    return checkout


async def _create_database(url: str, name: str) -> None:
    server = await asyncpg.connect(urlsplit(url)._replace(path="/postgres").geturl())
    try:
        if await server.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await _check_ownership(url)
            await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await server.execute(f'CREATE DATABASE "{name}"')
    finally:
        await server.close()


async def _check_ownership(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        # A run that was interrupted may have left a database without tables.
        if await connection.fetchval("SELECT to_regclass('user_account') IS NOT NULL"):
            await check_ownership(connection)
    finally:
        await connection.close()


def _migrate(checkout: Checkout) -> None:
    # The program `env` adds to the environment, which only settings/ reads.
    addresses = [
        f"{name}={checkout.url}" for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL")
    ]
    done = subprocess.run(
        ["env", *addresses, find_python(checkout.root), "server.py", "migrate"],
        cwd=checkout.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MigrationFailed(f"{checkout.root} cannot migrate: {done.stderr[-2000:]}")
