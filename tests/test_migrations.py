"""The migrations: forward on both databases, and in agreement with the models."""

import sqlite3
from typing import Any

import asyncpg
import pytest
from tortoise import Tortoise
from tortoise.exceptions import IntegrityError
from tortoise.migrations.autodetector import MigrationAutodetector

from models.basket import Basket, BasketStatus
from models.database import CONFIGURATION, connect, disconnect, migrate_forward
from models.division import Division, DivisionType
from models.statement import now
from models.user import User


async def test_models_and_migrations_agree() -> None:
    context = await Tortoise.init(config=CONFIGURATION, init_connections=False)
    assert context.apps is not None
    changes = await MigrationAutodetector(context.apps, CONFIGURATION["apps"]).changes()
    assert [change.operations for change in changes] == []


async def tables_of(url: str) -> set[str]:
    """Returns the names of the tables of a database."""
    if url.startswith("sqlite://"):
        connection = sqlite3.connect(url.removeprefix("sqlite://"))
        rows: list[Any] = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        connection.close()
    else:
        server = await asyncpg.connect(url)
        rows = await server.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        await server.close()
    return {row[0] for row in rows} - {"sqlite_sequence"}


async def test_migrating_makes_every_table_and_may_be_repeated(database_url: str) -> None:
    await migrate_forward(database_url)
    assert await tables_of(database_url) == {
        "basket",
        "basket_export",
        "basket_item",
        "basket_item_division",
        "division",
        "idempotency_key",
        "product",
        "quotation",
        "token",
        "tortoise_migrations",
        "user_account",
    }


async def new_basket(user: User, segment: int, status: BasketStatus = BasketStatus.ACTIVE) -> None:
    """Writes a basket's row."""
    await Basket.create(user=user, segment=segment, status=status, created_at=now(), updated_at=now())


async def test_the_database_itself_holds_one_active_basket_a_user_and_segment(database_url: str) -> None:
    await connect(database_url)
    try:
        division = await Division.create(erp_code="ERP01", name="main", type=DivisionType.MAIN)
        user = await User.create(email="a@example.invalid", first_name="A", last_name="B", division=division)
        await new_basket(user, 0)
        await new_basket(user, 1)
        await new_basket(user, 0, BasketStatus.DRAFT)
        with pytest.raises(IntegrityError):
            await new_basket(user, 0)
    finally:
        await disconnect()
