"""The function by which PostgreSQL adds lines: its rules, its rights, and no errors in the log."""

import re
from pathlib import Path

import asyncpg
import pytest
from tortoise.backends.base.executor import EXECUTOR_CACHE

from models.basket import add
from models.basket.rules import RULES
from models.database.connection import migrate_forward
from models.migrations import functions
from tests.support.postgres_cluster import Cluster, own_cluster
from tests.support.service import Service, serve
from tests.support.shop import Shop

FUNCTION = Path(functions.__path__[0], "basket_add_2.sql").read_text(encoding="utf-8")
NAMES = {
    ":basket_id": "opened.id",
    ":segment": "in_segment",
    ":remote_id": "remote_ids[line]",
    ":sku": "skus[line]",
    ":division_id": "division_ids[line]",
    ":erp_code": "erp_codes[line]",
    ":confirmed_since": "confirmed_since",
    ":buyer_division_id": "buyer_division_id",
}
"""The parameters of SQLite's statement, and the variables of the function."""
READER_AND_WRITER = """
CREATE ROLE buyers LOGIN;
GRANT USAGE ON SCHEMA public TO buyers;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO buyers;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO buyers;
"""


def test_it_checks_the_rules_of_the_list_in_their_order() -> None:
    cases = re.findall(r"WHEN NOT \((.*)\) THEN '(.*)'", FUNCTION)
    assert cases == [(rule.condition, rule.name) for rule in RULES]


def test_both_databases_find_a_line_by_the_same_conditions() -> None:
    text = Path(add.__file__).with_suffix(".sql").read_text(encoding="utf-8")
    statement = text.partition("find_line (sqlite)")[2].partition("FROM")[2]
    renamed = re.sub(r":\w+", lambda match: NAMES[match[0]], statement)
    found = FUNCTION.partition("INTO STRICT match")[2].partition("FROM")[2]
    # The quantity that the basket holds is a further join; SQLite reads it later.
    condition = "part.item_id = held.id AND part.division_id = d.id"
    part = f"LEFT JOIN basket_item_division part ON {condition} "
    assert plain(renamed) == plain(found).partition(";")[0].replace(part, "") + ";"


def plain(text: str) -> str:
    """Returns SQL without comments, on one line."""
    return " ".join(re.sub(r"--.*", "", text).split())


@pytest.mark.long
async def test_additions_and_their_rejections_leave_no_error_in_the_log(shop: Shop) -> None:
    with own_cluster() as cluster:
        await migrate(cluster)
        async with serve(cluster.url, shop) as service:
            await add_and_be_rejected(service)
        log = (cluster.folder / "log").read_text(encoding="utf-8")
    assert "database system is ready" in log
    assert "ERROR" not in log


async def migrate(cluster: Cluster) -> None:
    """Makes the tables of a new server."""
    # Tortoise keeps the text of its inserts in the words of the database that a process saw first.
    EXECUTOR_CACHE.clear()
    await migrate_forward(cluster.url)


async def add_and_be_rejected(service: Service) -> None:
    """Adds known and unknown products, and breaks every rule."""
    line = {"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 1}
    new = {"productRemoteId": 2, "divisionErpCode": "ERP02", "quantity": 1}
    await service.main.accepted("basketItemsAdd", items=[line])
    await service.main.accepted("basketItemsAdd", items=[line, new])
    for changes in (
        {"productRemoteId": 404},
        {"divisionErpCode": "ERP05"},
        {"quantity": 1_000_000},
    ):
        await service.main.rejected("basketItemsAdd", items=[line | changes])
    await service.main.rejected("basketItemsAdd", items=[line], expectedVersion=9)


async def test_a_role_that_may_only_read_and_write_adds_whatever_its_search_path_is(
    shop: Shop,
) -> None:
    with own_cluster() as cluster:
        await migrate(cluster)
        await make_role(cluster)
        async with serve(cluster.url.replace("postgres@", "buyers@"), shop) as service:
            line = {"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 1}
            for _ in range(2):
                basket = await service.main.accepted("basketItemsAdd", items=[line])
            assert basket["totalQuantity"] == 2
        assert await search_path_of_function(cluster) == ['search_path="$user", public']


async def make_role(cluster: Cluster) -> None:
    """Makes the role `buyers`, which may read and write the tables."""
    connection = await asyncpg.connect(cluster.url)
    await connection.execute(READER_AND_WRITER)
    await connection.close()


async def search_path_of_function(cluster: Cluster) -> list[str]:
    """Returns the settings that the function brings."""
    connection = await asyncpg.connect(cluster.url)
    settings: list[str] = await connection.fetchval(
        "SELECT proconfig FROM pg_proc WHERE proname = 'basket_add_2' AND NOT prosecdef"
    )
    await connection.close()
    return settings
