"""Statements in `.sql` files, in the words of both databases."""

import re
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from models.database.connection import connect, disconnect
from models.database.statements import Statement, load_statements
from models.money import cents_from_amount, format_amount
from models.timestamps import parse_timestamp
from tests.support.programs import program
from tests.support.statements import statement

ROOT = Path(__file__).parents[2]


FILE = """-- Said of the whole file.

-- name: both
-- Described, with :a_name that is none.
SELECT :second::text, :columns, :first, :second, '{"a":1}';

-- name: differs (postgres)
SELECT id FROM basket WHERE id = ANY(:ids::bigint[])
-- name: differs (sqlite)
SELECT id FROM basket WHERE id IN (SELECT value FROM json_each(:ids));
"""


def load(folder: Path) -> dict[str, Statement]:
    """Loads the statements of a file."""
    (folder / "module.sql").write_text(FILE, encoding="utf-8")
    return load_statements(str(folder / "module.py"), columns="p.sku, p.name")


def test_parameters_are_numbered_by_name_and_texts_are_put_in(tmp_path: Path) -> None:
    both = load(tmp_path)["both"]
    assert both.postgres == """SELECT $1::text, p.sku, p.name, $2, $1, '{"a":1}'"""
    assert both.sqlite == """SELECT ?1::text, p.sku, p.name, ?2, ?1, '{"a":1}'"""


def test_the_databases_may_have_texts_of_their_own(tmp_path: Path) -> None:
    statements = load(tmp_path)
    assert list(statements) == ["both", "differs"]
    differs = statements["differs"]
    assert differs.postgres == "SELECT id FROM basket WHERE id = ANY($1::bigint[])"
    assert differs.sqlite.endswith("json_each(?1))")


async def test_both_databases_give_the_same_rows(database_url: str) -> None:
    await connect(database_url)
    try:
        row = await statement(
            "SELECT CAST(:low AS INT) AS low, CAST(:text AS TEXT) AS text"
        ).one(text="ü", low=1)
        assert (row["low"], row["text"], row[0]) == (1, "ü", 1)
        empty = statement("SELECT 1 AS number WHERE 1 = 0")
        assert await empty.rows() == []
        assert await empty.row() is None
        with pytest.raises(RuntimeError, match="returned no row"):
            await empty.one()
    finally:
        await disconnect()


def test_psql_runs_the_statements(postgres_url: str) -> None:
    text = (ROOT / "models/basket/prices.sql").read_text(encoding="utf-8")
    (changes,) = re.findall(r"(?s)-- name: price_changes \(postgres\)(.*?;)", text)
    variables = ["basket_id=1", "remote_ids='{1,2}'"]
    command = [program("psql"), postgres_url, "-v", "ON_ERROR_STOP=1"]
    options = [word for variable in variables for word in ("-v", variable)]
    done = subprocess.run(
        [*command, *options], input=changes.encode(), capture_output=True, check=True
    )
    assert b"new_currency" in done.stdout
    assert b"(0 rows)" in done.stdout


def test_a_moment_is_read_as_either_database_writes_it() -> None:
    expected = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    assert parse_timestamp(expected) == expected
    assert parse_timestamp("2026-11-23 14:05:00.000000+00:00") == expected


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("0", 0), ("0.05", 5), ("81.65", 8165), ("7.10", 710), ("10.500", 1050)],
)
def test_amounts_are_whole_hundredths(amount: str, cents: int) -> None:
    assert cents_from_amount(Decimal(amount)) == cents
    assert Decimal(format_amount(cents)) == Decimal(amount)


def test_an_amount_with_three_decimals_is_not_rounded() -> None:
    with pytest.raises(ValueError, match="10.555 has more than two decimals"):
        cents_from_amount(Decimal("10.555"))
