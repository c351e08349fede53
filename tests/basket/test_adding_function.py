"""The functions by which PostgreSQL adds lines: their rules, rights, and no errors in the log."""

import re
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest

from models.basket import add
from models.basket.add import MANY_LINES
from models.basket.rules import RULES
from models.migrations import functions
from tests.support.postgres_cluster import Cluster, migrated_cluster
from tests.support.service import Service, serve
from tests.support.shop import Shop

FOLDER = Path(functions.__path__[0])
LINE, FEW, MANY = [
    (FOLDER / name).read_text(encoding="utf-8")
    for name in ("basket_add_line_1.sql", "basket_add_3.sql", "basket_add_many_1.sql")
]
NAMES = {
    ":basket_id": "opened.id",
    ":segment": "in_segment",
    ":confirmed_since": "confirmed_since",
    ":buyer_division_id": "buyer_division_id",
}
OF_LINE = NAMES | {
    ":remote_id": "named_remote_id",
    ":sku": "in_sku",
    ":division_id": "named_division_id",
    ":erp_code": "in_erp_code",
}
OF_FEW = NAMES | {
    ":remote_id": "remote_ids[line]",
    ":sku": "skus[line]",
    ":division_id": "division_ids[line]",
    ":erp_code": "erp_codes[line]",
}
OF_MANY = NAMES | {
    f":{name}": f"line.{name}" for name in ("remote_id", "sku", "division_id", "erp_code")
}
"""The parameters of SQLite's statement, and the variables of the functions."""
BY_REMOTE_ID, BY_ID = "p.remote_id = named_remote_id", "d.id = named_division_id"
READER_AND_WRITER = """
CREATE ROLE buyers LOGIN;
GRANT USAGE ON SCHEMA public TO buyers;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO buyers;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO buyers;
"""


@pytest.mark.parametrize("function", [LINE, FEW, MANY], ids=["line", "few", "many"])
def test_they_check_the_rules_of_the_list_in_their_order(function: str) -> None:
    cases = re.findall(r"WHEN NOT \((.*)\) THEN '(.*)'", function)
    assert cases == [(rule.condition, rule.name) for rule in RULES]


# The quantity that the basket holds is a further join; SQLite reads it later.
PART = (
    "LEFT JOIN basket_item_division part "
    "ON part.item_id = held.id AND part.division_id = d.id "
)


def test_both_databases_find_a_line_by_the_same_conditions() -> None:
    found = FEW.partition("INTO STRICT match")[2].partition("FROM")[2]
    assert plain(found).partition(";")[0].replace(PART, "") == conditions(OF_FEW)


def test_a_single_line_is_found_by_the_same_conditions() -> None:
    found = LINE.partition("INTO match")[2].partition("FROM")[2]
    # Its SKU and ERP code have become ids before.
    by_ids = conditions(OF_LINE)
    by_ids = by_ids.replace(
        "(p.remote_id = named_remote_id OR p.sku = in_sku)", BY_REMOTE_ID
    )
    by_ids = by_ids.replace("(d.id = named_division_id OR d.erp_code = in_erp_code)", BY_ID)
    assert (BY_REMOTE_ID in by_ids, BY_ID in by_ids) == (True, True)
    assert plain(found).partition(";")[0].replace(PART, "") == by_ids


def test_many_lines_are_found_by_the_same_conditions() -> None:
    found = MANY.partition("held.id AS item_id")[2].partition("FROM")[2]
    assert plain(found).partition(" OFFSET 0")[0] == conditions(OF_MANY)


def conditions(names: Mapping[str, str]) -> str:
    """Returns the tables and conditions of SQLite's statement, with the variables of a function."""
    text = Path(add.__file__).with_suffix(".sql").read_text(encoding="utf-8")
    statement = text.partition("find_line (sqlite)")[2].partition("FROM")[2]
    renamed = re.sub(r":\w+", lambda match: names[match[0]], statement)
    return plain(renamed).partition(";")[0]


def plain(text: str) -> str:
    """Returns SQL without comments, on one line."""
    return " ".join(re.sub(r"--.*", "", text).split())


@pytest.mark.long
async def test_additions_and_their_rejections_leave_no_error_in_the_log(shop: Shop) -> None:
    with migrated_cluster() as cluster:
        async with serve(cluster.url, shop) as service:
            await add_and_be_rejected(service)
        log = (cluster.folder / "log").read_text(encoding="utf-8")
    assert "database system is ready" in log
    assert "ERROR" not in log


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
    with migrated_cluster() as cluster:
        await make_role(cluster)
        async with serve(cluster.url.replace("postgres@", "buyers@"), shop) as service:
            line = {"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 1}
            for count in (1, 1, 2, MANY_LINES):
                basket = await service.main.accepted("basketItemsAdd", items=[line] * count)
            assert basket["totalQuantity"] == 4 + MANY_LINES
        assert await search_paths(cluster) == [['search_path="$user", public']] * 3


async def make_role(cluster: Cluster) -> None:
    """Makes the role `buyers`, which may read and write the tables."""
    connection = await asyncpg.connect(cluster.url)
    await connection.execute(READER_AND_WRITER)
    await connection.close()


async def search_paths(cluster: Cluster) -> list[list[str]]:
    """Returns the settings that each function brings."""
    connection = await asyncpg.connect(cluster.url)
    rows = await connection.fetch(
        "SELECT proconfig FROM pg_proc "
        "WHERE proname IN ('basket_add_line_1', 'basket_add_3', 'basket_add_many_1') "
        "AND NOT prosecdef"
    )
    await connection.close()
    return [row["proconfig"] for row in rows]
