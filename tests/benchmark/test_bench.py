"""The benchmark: what it loads, and that the three servers it compares answer the same."""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

import asyncpg
import pytest

from bench.checkouts import Checkout, checkouts_of, prepare_checkout
from bench.constant_rate import Order, put_constant_load
from bench.equality import AnswersDiffer, check_equality, comparable_data
from bench.load import NotABenchmark, load
from bench.neighbours import NEIGHBOURS, measure_neighbours
from bench.operations import BESIDE, DIVISION_ID, KINDS, OURS, WORKLOADS, Call, Workload
from bench.population import Population, place_populations, populations
from bench.reset import changes, reset
from bench.round_trips import round_trips
from bench.rounds import Rounds
from bench.servers import all_running
from bench.storage import storage_of
from bench.table import format_halves, format_table
from bench.wrk import LoadFailed, NothingAnswered
from models.database.connection import connect, disconnect
from models.user import Buyers, hash_token
from settings import ROOT
from tests.support.pinned_forks import fork_pinned
from tests.support.ports import free_port
from tests.support.process import write_people_to
from tests.support.programs import program

pytestmark = [
    pytest.mark.parametrize("database_url", ["postgres"], indirect=True),
    pytest.mark.long,
]

PLACES = populations(users=3, items=20, new_users=4, large_users=2)
FEW = list(
    place_populations(
        [
            Population("bench", 3, 20),
            Population("bench-draft", 10, 5, "DRAFT", 3),
            Population("bench-new", 4, 20),
            Population("bench-large", 2, 200),
            Population("bench-import", 1, 0),
        ]
    )
)
"""The users for measurements: their smaller baskets are loaded and reset faster."""
INDEXES = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
)
CONSTRAINTS = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2"


@pytest.fixture(autouse=True)
def forked_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forks the servers instead of starting them, on ports that no other test is given."""
    monkeypatch.setattr("bench.servers.Popen", fork_pinned)
    monkeypatch.setattr("bench.servers.free_port", free_port)


def named(*names: str) -> list[Workload]:
    """Returns the workloads with these names."""
    return [workload for workload in WORKLOADS if workload.name in names]


async def test_load_writes_what_it_is_told_with_working_tokens_and_leaves_the_indexes(
    database_url: str,
) -> None:
    connection = await asyncpg.connect(database_url)
    before = await connection.fetch(INDEXES), await connection.fetch(CONSTRAINTS)
    counts = await load(database_url, PLACES, quiet=True)
    # 3 of 20, 20 of 100, 10 of 500, 400 drafts of 20, 4 of 20, 2 of 10,000, and one of 5,000 items.
    # One user has no basket yet.
    items = 3 * 20 + 20 * 100 + 10 * 500 + 400 * 20 + 4 * 20 + 2 * 10_000 + 5_000
    assert counts == {
        "division": 14,
        "product": 10_000,
        "user_account": 61,
        "token": 61,
        "basket": 440,
        "basket_item": items,
        "basket_item_division": 2 * items,
    }
    assert (await connection.fetch(INDEXES), await connection.fetch(CONSTRAINTS)) == before
    await connection.close()
    await connect(database_url, 1)
    try:
        buyer = await Buyers(0).find(hash_token("bench-3"))
        assert buyer is not None
        assert (buyer.id, buyer.email, buyer.division.erp_code) == (
            3,
            "bench-3@example.invalid",
            "BM1",
        )
        assert await Buyers(0).find(hash_token("bench-4")) is None
    finally:
        await disconnect()


async def test_the_rows_of_a_load_keep_every_foreign_key(database_url: str) -> None:
    await load(database_url, PLACES, quiet=True)
    connection = await asyncpg.connect(database_url)
    for constraint, table in await connection.fetch(
        "SELECT conname, conrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
    ):
        definition = await connection.fetchval(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1",
            constraint,
        )
        # Adding a key checks every row.
        await connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}"')
        await connection.execute(
            f'ALTER TABLE {table} ADD CONSTRAINT "{constraint}" {definition}'
        )
    await connection.close()


async def test_a_database_with_other_users_is_left_alone(database_url: str) -> None:
    await write_people_to(database_url)
    with pytest.raises(NotABenchmark, match=r"has the user '\w+@example.invalid'"):
        await load(database_url, PLACES, quiet=True)
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT COUNT(*) FROM user_account") == 5
    assert await connection.fetchval("SELECT COUNT(*) FROM product") == 0
    await connection.close()


async def test_the_three_servers_answer_the_same_and_count_their_round_trips(
    database_url: str,
) -> None:
    await load(database_url, PLACES, quiet=True)
    connection = await asyncpg.connect(database_url)
    workloads = named("R20", "B", "B10K", "D", "W1", "W1K", "W2", "W2_10K", "W3")
    with all_running(checkouts_of(KINDS, database_url)) as servers:
        ports = {kind: server.port for kind, server in servers.items()}
        connections = dict.fromkeys(KINDS, connection)
        compared = await check_equality(connections, ports, workloads, PLACES)
    # Three buyers of each of six workloads on three servers; of two large baskets on two; W1K on ours alone.
    assert compared == 3 * 6 * 3 + 2 * 2 * 2 + 3
    assert await changes(connection) == 0
    checkout = Checkout(ROOT, database_url)
    found = await round_trips("by hand", checkout, named("D"), PLACES)
    # A token is looked up once in five seconds, and drafts and their number are read with one statement.
    assert found == {"D": (2, 1)}
    await connection.close()


async def test_another_checkout_is_compared_and_may_have_ids_of_another_form(
    database_url: str,
) -> None:
    await load(database_url, FEW, quiet=True)
    connection = await asyncpg.connect(database_url)
    workloads = [
        replace(workload, division_id=DIVISION_ID) for workload in named("R20", "W2")
    ]
    beside = await prepare_checkout(ROOT, database_url, FEW)
    other = await asyncpg.connect(beside.url)
    connections = {OURS: connection, BESIDE: other}
    with all_running(checkouts_of(connections, database_url, beside)) as servers:
        ports = {kind: server.port for kind, server in servers.items()}
        assert await check_equality(connections, ports, workloads, FEW) == 12
    await other.close()
    await connection.execute(f'DROP DATABASE "{urlsplit(beside.url).path[1:]}"')
    await connection.close()
    (drafts,) = named("D")
    old = b'{"data":{"edges":[{"cursor":"a","node":{"id":"7","name":"x_1"}}]}}'
    new = old.replace(b'"7"', b'"basket_7"').replace(b'"a"', b'"b"')
    assert comparable_data(old, drafts, ignore_ids=True) == comparable_data(
        new, drafts, ignore_ids=True
    )
    assert comparable_data(new, drafts, ignore_ids=False) != comparable_data(
        old, drafts, ignore_ids=False
    )
    with pytest.raises(AnswersDiffer, match="answered with errors"):
        comparable_data(b'{"data":null,"errors":[{}]}', drafts, ignore_ids=True)


Measured = TypeVar("Measured")


async def long_enough(measure: Callable[[int], Awaitable[Measured]]) -> Measured:
    """Measures for a second, or so long that even a busy machine responds in that time."""
    for seconds in (1, 8, 64):
        with suppress(NothingAnswered):
            return await measure(seconds)
    return await measure(512)


async def test_a_measurement_of_changes_counts_them_and_begins_with_the_loaded_baskets(
    database_url: str,
) -> None:
    program("wrk")
    await load(database_url, FEW, quiet=True)
    connection = await asyncpg.connect(database_url)
    with all_running(checkouts_of(["by hand"], database_url)) as servers:
        rounds = partial(Rounds, {"by hand": connection}, servers, FEW, warm_up=1)
        results = await long_enough(
            lambda seconds: rounds(seconds=seconds).carry_out(named("W1"), 1)
        )
    assert set(results) == {("W1", "by hand")}
    result = results["W1", "by hand"]
    assert result.rate > 0
    assert result.server_microseconds > 0
    assert (result.postgres_microseconds or 0) > 0
    lines = format_table(results, {"by hand": {"W1": (5, 4)}}, named("W1")).splitlines()
    assert "PG us  round trips" in lines[0]
    assert lines[-1].endswith("5 / 4")
    assert await changes(connection) > 0
    await reset(connection, FEW)
    assert await changes(connection) == 0
    total = "SELECT SUM(quantity) FROM basket_item_division"
    reset_total = await connection.fetchval(total)
    await load(database_url, FEW, quiet=True)
    assert await connection.fetchval(total) == reset_total
    await connection.close()


async def test_each_addition_with_a_key_is_a_change_also_at_half_of_the_rate(
    database_url: str,
) -> None:
    program("wrk")
    await load(database_url, FEW, quiet=True)
    connection = await asyncpg.connect(database_url)
    with all_running(checkouts_of([OURS], database_url)) as servers:
        rounds = partial(Rounds, {OURS: connection}, servers, FEW, warm_up=1, has_half=True)
        results = await long_enough(
            lambda seconds: rounds(seconds=seconds).carry_out(named("W2K"), 1)
        )
    result = results["W2K", OURS]
    (half,) = result.halves
    assert half.requests == max(1, round(result.rate / 2))
    assert 0 < half.p50 <= half.p99
    keys = await connection.fetchval("SELECT COUNT(*) FROM idempotency_key")
    assert keys == await changes(connection) >= half.requests
    (line,) = format_halves(results)
    assert re.fullmatch(
        r"W2K    ours         half of its rate, [\d,]+ requests/s: "
        r"p50 [\d.]+ ms, p99 [\d.]+ ms \(delay [\d.]+ ms\)",
        line,
    )
    await connection.close()


async def test_a_load_at_a_constant_rate_that_is_not_accepted_is_no_measurement(
    database_url: str,
) -> None:
    await load(database_url, FEW, quiet=True)
    (read,) = named("R20")
    shape = read.shape("by hand")
    with all_running(checkouts_of(["by hand"], database_url)) as servers:
        port = servers["by hand"].port
        load_at = partial(Order, port, shape, rate=50, seconds=1)
        done = put_constant_load(load_at(calls=read.calls(FEW)))
        with pytest.raises(LoadFailed, match="50 of 50 requests failed"):
            put_constant_load(load_at(calls=[Call("nobody", None)]))
    assert done.requests == 50


async def test_the_storage_per_addition_is_that_of_all_rows_and_indexes(
    database_url: str,
) -> None:
    program("wrk")
    await load(database_url, FEW, quiet=True)
    with all_running(checkouts_of([OURS], database_url)) as servers:
        lines = await storage_of(servers[OURS], Checkout(ROOT, database_url), FEW, 100)
    history, key = (line.partition(": ") for line in lines)
    assert (history[0], key[0]) == ("ours    basket_change", "ours    idempotency_key")
    assert re.fullmatch(
        r"[\d,]+ bytes per addition, [\d,]+ of the row and [\d,]+ of indexes \([\d,]+ additions\)",
        key[2],
    )


async def test_reads_through_rest_and_beside_imports_are_compared(
    database_url: str,
) -> None:
    program("wrk")
    await load(database_url, FEW, quiet=True)
    measure = partial(measure_neighbours, database_url, FEW, NEIGHBOURS, rounds=1)
    rest, oidc, beside = await long_enough(lambda seconds: measure(seconds=seconds))
    assert re.fullmatch(
        r"REST: [\d,]+ reads/s, GraphQL [\d,]+: \d+\.\d\d times as many", rest
    )
    assert re.fullmatch(
        r"OIDC: \d+ µs of the server's core per read, \d+ with tokens of ours: "
        r"\d+\.\d\d times as fast",
        oidc,
    )
    assert re.fullmatch(
        r"RI: p99 [\d.]+ ms beside imports, [\d.]+ ms alone: \d+\.\d\d times as long",
        beside,
    )
