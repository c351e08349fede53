"""SQL written once for both databases."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from models.database.connection import connect, disconnect
from models.database.statement import Statement, moment
from models.money import amount_text, cents_of


def test_the_four_forms_are_translated_for_sqlite() -> None:
    assert Statement("SELECT $1, $12").sqlite == "SELECT ?1, ?12"
    assert (
        Statement("x = ANY($2::bigint[])").sqlite
        == "x IN (SELECT value FROM json_each(?2))"
    )
    assert Statement("SELECT 1 FOR UPDATE").sqlite == "SELECT 1 "
    assert Statement(
        "FROM jsonb_to_recordset($1::jsonb) AS line(a int, b text)"
    ).sqlite == (
        "FROM (SELECT json_extract(value, '$.a') AS a, json_extract(value, '$.b') AS b FROM json_each(?1)) AS line"
    )


async def test_both_databases_give_the_same_answers(database_url: str) -> None:
    await connect(database_url)
    try:
        listed = Statement(
            "SELECT v FROM (SELECT 1 AS v UNION SELECT 2 UNION SELECT 3) t WHERE v = ANY($1::int[])"
        )
        assert sorted(row[0] for row in await listed.rows([3, 1, 9])) == [1, 3]
        lines = Statement(
            "SELECT a, b FROM jsonb_to_recordset($1::jsonb) AS line(a int, b text) ORDER BY a"
        )
        rows = await lines.rows('[{"a": 2, "b": "ü"}, {"a": 1, "b": null}]')
        assert [(row["a"], row["b"]) for row in rows] == [(1, None), (2, "ü")]
        assert await listed.row([]) is None
    finally:
        await disconnect()


def test_a_moment_is_read_as_either_database_writes_it() -> None:
    expected = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    assert moment(expected) == expected
    assert moment("2026-11-23 14:05:00.000000+00:00") == expected


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("0", 0), ("0.05", 5), ("81.65", 8165), ("7.10", 710), ("10.500", 1050)],
)
def test_amounts_are_whole_hundredths(amount: str, cents: int) -> None:
    assert cents_of(Decimal(amount)) == cents
    assert Decimal(amount_text(cents)) == Decimal(amount)


def test_an_amount_with_three_decimals_is_not_rounded() -> None:
    with pytest.raises(ValueError, match="10.555 has more than two decimals"):
        cents_of(Decimal("10.555"))
