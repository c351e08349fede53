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
from tests.support.command_line import CommandLine
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
        async with serve(url, shop, database_statement_timeout_seconds=10) as service:
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
    role = urlsplit(postgres_url).username
    said = [record.getMessage() for record in caplog.records if record.name == "basket"]
    assert [text for text in said if "pooler" in text] == [
        "A pooler stands before PostgreSQL, and the role lacks settings: "
        + " ".join(role_statements(role)),
    ]


def role_statements(role: str | None) -> list[str]:
    """Returns the SQL that gives a role the limits of a session."""
    wanted = {
        "statement_timeout": "10000",
        "idle_in_transaction_session_timeout": "60000",
        "plan_cache_mode": "force_generic_plan",
        "jit": "off",
    }
    return [f"ALTER ROLE \"{role}\" SET {name} = '{wanted[name]}';" for name in wanted]


def test_migrate_prints_the_limits_of_the_role_behind_a_pooler_that_it_finds(
    postgres_url: str, tmp_path: Path
) -> None:
    role = urlsplit(postgres_url).username
    direct = CommandLine(postgres_url, LOG_FORMAT="text", DATABASE_POOLER="auto")
    assert direct.run("migrate") == (0, "The tables are up to date.", "")
    with pgbouncer(postgres_url, tmp_path, "transaction") as url:
        line = CommandLine(url, LOG_FORMAT="text", DATABASE_POOLER="auto")
        status, output, errors = line.run("migrate")
        assert (status, errors) == (0, "")
        assert output.splitlines() == [
            "The tables are up to date.",
            "Behind a pooler, the role of the servers needs these settings:",
            *role_statements(role),
        ]
        wrong = CommandLine(url, LOG_FORMAT="text", DATABASE_POOLER="none")
        status, output, errors = wrong.run("migrate")
    assert (status, output) == (1, "")
    assert errors.startswith(f"The database {url.replace(f'{role}@', '')} (DATABASE_URL) ")
    assert (
        "cannot be used: a pooler stands before it, and DATABASE_POOLER is none (" in errors
    )
    assert len(errors.splitlines()) == 1


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
