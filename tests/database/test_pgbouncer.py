"""The service behind PgBouncer: as it comes, in both modes, and whatever it does with settings."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from models.database.postgres.client import open_pool
from models.database.postgres.connector import Connector
from tests.support.processes import free_port, wait_until
from tests.support.programs import program
from tests.support.service import serve
from tests.support.shop import Shop

IGNORED = "jit,plan_cache_mode,statement_timeout,idle_in_transaction_session_timeout"


def answers_to_tcp(port: int) -> bool:
    """Returns whether something listens on a port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextmanager
def pgbouncer(postgres_url: str, folder: Path, mode: str, more: str = "") -> Iterator[str]:
    """Runs PgBouncer before a database; yields the database's address through it."""
    parts, port = urlsplit(postgres_url), free_port()
    target = (
        f"host=127.0.0.1 port={parts.port} user={parts.username} dbname={parts.path[1:]}"
    )
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\nbasket = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = any\nunix_socket_dir =\npool_mode = {mode}\n{more}\n"
    )
    command = [program("pgbouncer"), "-q", str(configuration)]
    if os.geteuid() == 0:
        # It rejects to run as root, and reads its file as the other user.
        for parent in (configuration, *configuration.parents[:4]):
            parent.chmod(0o755)
        command = ["runuser", "-u", "postgres", "--", *command]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
    try:
        wait_until(lambda: answers_to_tcp(port), "The start of PgBouncer")
        yield f"postgres://{parts.username}@127.0.0.1:{port}/basket"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize(
    ("mode", "more", "keeps_statements"),
    [
        ("transaction", "", False),
        ("transaction", f"ignore_startup_parameters = {IGNORED}", False),
        ("session", "", True),
    ],
    ids=["transaction", "transaction, settings ignored", "session"],
)
async def test_the_service_works_behind_it_without_a_setting(
    postgres_url: str,
    shop: Shop,
    tmp_path: Path,
    mode: str,
    more: str,
    keeps_statements: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pgbouncer(postgres_url, tmp_path, mode, more) as url:
        async with serve(url, shop) as service:
            line = {"sku": "SKU01", "divisionId": service.division("ERP01"), "quantity": 1}
            work = [
                service.main.accepted("basketItemsAdd", items=[line]) for _ in range(12)
            ]
            await asyncio.gather(*work)
            basket = await service.main.basket()
            assert basket is not None
            assert basket["totalQuantity"] == 12
            assert (await service.client.get("/readyz")).json()["database"] == "ok"
            connector = connector_of_pool()
            assert connector.is_pooled
            # PgBouncer from 1.21 on keeps them in transaction mode, too, if it is told to.
            assert connector.keeps_statements == keeps_statements
    assert "ALTER ROLE" in caplog.text
    assert "SET statement_timeout = '10000';" in caplog.text


def connector_of_pool() -> Connector:
    """Returns the connector of the open pool."""
    pool = open_pool()
    assert pool is not None
    connector: Connector = pool.connector
    return connector


async def test_without_a_pooler_none_is_found(postgres_url: str, shop: Shop) -> None:
    async with serve(postgres_url, shop) as service:
        await service.main.basket()
        connector = connector_of_pool()
        assert (connector.is_pooled, connector.keeps_statements) == (False, True)
