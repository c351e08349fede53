"""`migrate` beside others: at once, against open transactions, by a role of its own, and told at start."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette

from application import create_application
from models.database import migrate as migrating
from models.database.connection import connect, disconnect, migrate_forward
from models.database.migrate import list_migrations, read_migration_state
from settings import ROOT
from settings.options import Options
from settings.startup_error import StartupError
from tests.support.command_line import CommandLine
from tests.support.postgres_cluster import Cluster, own_cluster
from tests.support.service import open_client
from tests.support.waiting import TIMEOUT_SECONDS

LAST = list_migrations()[-1]
UP_TO_DATE = "The tables are up to date."


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server whose roles and databases are the test's own."""
    with own_cluster() as started:
        yield started


async def new_database(cluster: Cluster, name: str, options: str = "") -> str:
    """Makes a database and returns its address."""
    server = await asyncpg.connect(cluster.url)
    await server.execute(f"CREATE DATABASE {name} {options}")
    await server.close()
    return urlsplit(cluster.url)._replace(path=f"/{name}").geturl()


async def test_of_several_at_once_one_works_and_the_others_find_nothing_to_do(
    cluster: Cluster,
) -> None:
    url = await new_database(cluster, "at_once")
    line = CommandLine(url, LOG_FORMAT="text")
    done = await asyncio.gather(*[asyncio.to_thread(line.run, "migrate") for _ in range(3)])
    assert [(status, errors) for status, _, errors in done] == [(0, "")] * 3
    outputs = sorted([output.splitlines() for _, output, _ in done], key=len)
    for idle in outputs[:2]:
        assert idle in (
            ["Another process migrates; waiting for it.", UP_TO_DATE],
            # It came when the other one was done.
            [UP_TO_DATE],
        )
    assert outputs[2][-1] == UP_TO_DATE
    applied = [text.split()[:2] for text in outputs[2][:-1]]
    assert applied == [["Applying", f"{name}:"] for name in list_migrations()]
    assert line.run("migrate", "--check") == (0, "The database is up to date.", "")


async def test_a_check_changes_nothing_and_tells_what_is_missing(cluster: Cluster) -> None:
    url = await new_database(cluster, "checked")
    line = CommandLine(url, LOG_FORMAT="text")
    names = ", ".join(list_migrations())
    text = f"The database is not migrated: it lacks {names}; run `server.py migrate`."
    assert line.run("migrate", "--check") == (1, text, "")
    server = await asyncpg.connect(url)
    assert (
        await server.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        == 0
    )
    await server.close()


async def test_an_open_transaction_holds_up_the_migration_and_nobody_behind_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await new_database(cluster, "open_transaction")
    await migrate_forward(url, target="0002_export")
    monkeypatch.setattr(migrating, "LOCK_MILLISECONDS", 200)
    said: list[str] = []
    holder = await asyncpg.connect(url, server_settings={"application_name": "a report"})
    await holder.execute("BEGIN")
    await holder.fetch("SELECT * FROM product")
    await asyncio.sleep(1.1)
    work = asyncio.create_task(migrate_forward(url, said.append))
    other = await asyncpg.connect(url)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not any("Open transactions: process" in line for line in said):
            # It waits at most as long as the migration waits for its lock.
            await other.fetch("SELECT * FROM product", timeout=TIMEOUT_SECONDS)
    assert any("(a report, idle in transaction, for 00:00:" in line for line in said)
    await holder.execute("ROLLBACK")
    await work
    for connection in (holder, other):
        await connection.close()
    await connect(url, 1)
    assert await read_migration_state() == ([], [])
    await disconnect()


async def test_going_back_and_forward_again(cluster: Cluster) -> None:
    url = await new_database(cluster, "back")
    await migrate_forward(url)
    line = CommandLine(url, LOG_FORMAT="text")
    status, output, errors = line.run("migrate", "--to", "0001_initial")
    assert (status, errors) == (0, "")
    assert output.splitlines()[-1] == "The tables are at 0001_initial."
    await connect(url, 1)
    assert (await read_migration_state()).pending == list_migrations()[1:]
    await disconnect()
    await migrate_forward(url)
    assert "no migration 0009_none" in line.run("migrate", "--to", "0009_none")[2]


def granted_statements() -> str:
    """Returns the SQL of docs/database.md that makes the role of the servers."""
    text = (ROOT / "docs" / "database.md").read_text(encoding="utf-8")
    return text.partition("```sql\n")[2].partition("```")[0]


async def test_a_role_that_may_only_read_and_write_serves_what_another_one_migrated(
    cluster: Cluster, tmp_path: Path
) -> None:
    url = await new_database(cluster, "basket")
    server = await asyncpg.connect(url)
    await server.execute(granted_statements())
    await server.close()
    parts = urlsplit(url)
    owner = parts._replace(
        netloc=parts.netloc.replace("postgres@", "basket_owner@")
    ).geturl()
    buyer = parts._replace(netloc=parts.netloc.replace("postgres@", "basket@")).geturl()
    await migrate_forward(owner)
    # What is up to date needs no right to change tables.
    assert CommandLine(buyer, LOG_FORMAT="text").run("migrate")[:2] == (
        0,
        "The tables are up to date.",
    )
    assert (
        CommandLine(buyer, LOG_FORMAT="text").run(
            "division", "add", "--erp-code", "A", "--name", "A"
        )[0]
        == 0
    )
    application = create_application(
        Options(database_url=buyer, commerce_url="http://x.invalid", redis_url="")
    )
    async with open_client(application) as client:
        assert (await client.get("/readyz")).json() == {"status": "ok", "database": "ok"}
        await check_lost_rights(url, client)
    await check_start_without_rights(url, application)
    member = await asyncpg.connect(buyer)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await member.execute("ALTER TABLE basket ADD COLUMN extra int")
    await member.close()


LOST = (
    "REVOKE INSERT ON basket FROM basket; REVOKE USAGE ON SEQUENCE token_id_seq FROM basket"
)


async def check_lost_rights(url: str, client: httpx.AsyncClient) -> None:
    """A role that loses rights while it serves is told, and served again when it has them."""
    owner = await asyncpg.connect(url)
    await owner.execute(LOST)
    response = await client.get("/readyz")
    expected = {"status": "unavailable", "database": "not permitted"}
    assert (response.status_code, response.json()) == (503, expected)
    await owner.execute("GRANT INSERT ON basket TO basket")
    await owner.execute("GRANT USAGE ON SEQUENCE token_id_seq TO basket")
    assert (await client.get("/readyz")).status_code == 200
    await owner.close()


async def check_start_without_rights(url: str, application: Starlette) -> None:
    """A server whose role lacks rights does not start, and names them."""
    owner = await asyncpg.connect(url)
    await owner.execute(LOST)
    reason = (
        "DATABASE_URL: the role basket lacks rights: INSERT on basket, USAGE on token_id_seq; "
        "docs/database.md has the statements that grant them."
    )
    with pytest.raises(StartupError) as caught:
        async with open_client(application):
            pass
    assert str(caught.value) == reason
    await owner.execute(f"DELETE FROM tortoise_migrations WHERE name = '{LAST}'")
    await owner.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    buyer = url.replace("postgres@", "basket@")
    status, output, errors = CommandLine(buyer, LOG_FORMAT="text").run("migrate")
    assert status == 1
    assert output.startswith(f"Applying {LAST}: ")
    assert "is not migrated, and its role may not do it (" in errors
    await owner.close()


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (
            f"DELETE FROM tortoise_migrations WHERE name = '{LAST}'",
            503,
            {
                "status": "unavailable",
                "database": "not migrated",
                "migrations_pending": LAST,
            },
        ),
        (
            "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('models', '9999_later', now())",
            200,
            {"status": "ok", "database": "ok", "migrations_unknown": "9999_later"},
        ),
    ],
    ids=["behind", "ahead"],
)
async def test_a_server_says_at_start_and_when_asked_that_the_tables_are_not_its_own(
    cluster: Cluster,
    change: str,
    status: int,
    words: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = await new_database(cluster, f"of_another_release_{status}")
    await migrate_forward(url)
    server = await asyncpg.connect(url)
    await server.execute(change)
    await server.close()
    application = create_application(
        Options(database_url=url, commerce_url="http://x.invalid", redis_url="")
    )
    async with open_client(application) as client:
        response = await client.get("/readyz")
        assert (response.status_code, response.json()) == (status, words)
    said = (
        "is not migrated: it lacks"
        if status == 503
        else "is migrated beyond this release: it has 9999_later"
    )
    assert said in caplog.text


async def test_a_read_only_server_is_an_outage_and_not_ready(cluster: Cluster) -> None:
    url = await new_database(cluster, "read_only")
    await migrate_forward(url)
    application = create_application(
        Options(database_url=url, commerce_url="http://x.invalid", redis_url="")
    )
    async with open_client(application) as client:
        assert (await client.get("/readyz")).status_code == 200
        server = await asyncpg.connect(url)
        # Connections that are open follow it at their next use, as when a primary is demoted.
        await server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await server.execute("SELECT pg_reload_conf()")
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while (await client.get("/readyz")).status_code == 200:
                await asyncio.sleep(0.05)
        expected = {"status": "unavailable", "database": "read-only"}
        assert (await client.get("/readyz")).json() == expected
        query = {"query": "{ viewer { id } }"}
        answer = await client.post(
            "/graphql", json=query, headers={"Authorization": "Token none"}
        )
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        await server.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await server.execute("SELECT pg_reload_conf()")
        await server.close()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)


async def test_a_database_that_is_not_utf8_is_rejected_in_one_line(
    cluster: Cluster,
) -> None:
    options = "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    url = await new_database(cluster, "latin", options)
    status, output, errors = await asyncio.to_thread(
        CommandLine(url, LOG_FORMAT="text").run, "migrate"
    )
    assert (status, output, len(errors.splitlines())) == (1, "", 1)
    assert "the database latin has the encoding LATIN1; it must be UTF8" in errors
