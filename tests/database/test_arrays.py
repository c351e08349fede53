"""The arrays that statements take: a new connection to PostgreSQL knows them without asking for them."""

import asyncpg

from models.database.connection import create_configuration
from models.database.postgres.asyncpg_internals import ARRAYS

TYPES = "SELECT oid::int, typname, typelem::int FROM pg_type WHERE oid = ANY($1::oid[])"
STATEMENT = "SELECT $1::int[] AS a, $2::bigint[] AS b, $3::bool[] AS c, $4::text[] AS d"
VALUES = ([1, -(2**31)], [2**63 - 1, None], [True, False], ["é", ""])


async def connect(url: str) -> asyncpg.Connection:
    """Returns a connection as the pool opens it."""
    return await create_configuration(url)["connections"]["default"]["credentials"][
        "connect"
    ]()


async def test_the_first_statement_with_arrays_is_the_only_one(postgres_url: str) -> None:
    connection = await connect(postgres_url)
    statements: list[str] = []
    with connection.query_logger(lambda record: statements.append(record.query)):
        row = await connection.fetchrow(STATEMENT, *VALUES)
    await connection.close()
    assert tuple(row) == VALUES
    assert statements == [STATEMENT]


async def test_they_are_those_of_the_server(postgres_url: str) -> None:
    connection = await connect(postgres_url)
    rows = await connection.fetch(TYPES, list(ARRAYS))
    await connection.close()
    assert {oid: (name, element) for oid, name, element in rows} == {
        oid: (f"_{name}", element) for oid, (name, element) in ARRAYS.items()
    }
