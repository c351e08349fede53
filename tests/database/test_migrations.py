"""The migrations: forward on both databases, and in agreement with the models."""

import sqlite3
from typing import Any

import asyncpg
import pytest
from tortoise import Tortoise
from tortoise.exceptions import IntegrityError
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.transactions import in_transaction

from models.basket.tables import Basket, BasketStatus
from models.database import migrate as migrating
from models.database.connection import CONFIGURATION, connect, disconnect, migrate_forward
from models.division import Division, DivisionType
from models.timestamps import now
from models.user import User
from tests.support.postgres_cluster import own_cluster
from tests.support.statements import statement


async def test_models_and_migrations_agree() -> None:
    context = await Tortoise.init(config=CONFIGURATION, init_connections=False)
    assert context.apps is not None
    changes = await MigrationAutodetector(context.apps, CONFIGURATION["apps"]).changes()
    assert [change.operations for change in changes] == []


async def tables_of(url: str) -> set[str]:
    """Returns the names of the tables of a database."""
    if url.startswith("sqlite://"):
        connection = sqlite3.connect(url.removeprefix("sqlite://"))
        rows: list[Any] = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        connection.close()
    else:
        server = await asyncpg.connect(url)
        rows = await server.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        await server.close()
    return {row[0] for row in rows} - {"sqlite_sequence"}


async def test_migrating_makes_every_table_and_may_be_repeated(database_url: str) -> None:
    await migrate_forward(database_url)
    own = set() if database_url.startswith("sqlite") else {"division_revision"}
    assert await tables_of(database_url) == own | {
        "audit_entry",
        "basket",
        "basket_change",
        "basket_export",
        "basket_item",
        "basket_item_division",
        "division",
        "erased_person",
        "idempotency_key",
        "identity",
        "product",
        "quotation",
        "token",
        "tortoise_migrations",
        "trusted_document",
        "user_account",
    }


async def new_basket(
    user: User, segment: int, status: BasketStatus = BasketStatus.ACTIVE
) -> None:
    """Writes a basket's row."""
    await Basket.create(
        user=user, segment=segment, status=status, created_at=now(), updated_at=now()
    )


async def test_the_database_itself_holds_one_active_basket_a_user_and_segment(
    database_url: str,
) -> None:
    await connect(database_url)
    try:
        division = await Division.create(
            erp_code="ERP01", name="main", type=DivisionType.MAIN
        )
        user = await User.create(
            email="a@example.invalid", first_name="A", last_name="B", division=division
        )
        await new_basket(user, 0)
        await new_basket(user, 1)
        await new_basket(user, 0, BasketStatus.DRAFT)
        with pytest.raises(IntegrityError):
            await new_basket(user, 0)
    finally:
        await disconnect()


_TABLES = statement(
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_LOCKS = statement(
    "SELECT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
    "WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND l.granted AND l.mode IN "
    "('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
)


async def locks_of(steps: migrating.Steps, name: str) -> dict[str, str]:
    """Carries out a migration; returns the strongest lock that it holds on each earlier table."""
    strengths = [
        "ShareLock",
        "ShareRowExclusiveLock",
        "ExclusiveLock",
        "AccessExclusiveLock",
    ]
    async with in_transaction():
        tables = {row[0] for row in await _TABLES.rows()} - {"tortoise_migrations"}
        await steps.carry_out(name, "forward")
        found: dict[str, str] = {}
        for table, mode in [(row[0], row[1]) for row in await _LOCKS.rows()]:
            if table in tables:
                found[table] = max(found.get(table, mode), mode, key=strengths.index)
    return found


async def test_each_migration_states_what_it_does_and_what_it_locks() -> None:
    with own_cluster() as cluster:
        await connect(cluster.url, 1)
        steps = migrating.Steps()
        try:
            for name in migrating.list_migrations():
                migration = migrating.load_migration(name)
                assert migration.__doc__, f"{name} has no docstring."
                stated = getattr(migration, "locks", None)
                assert await locks_of(steps, name) == stated, f"State `locks` in {name}."
        finally:
            await disconnect()
