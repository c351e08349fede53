"""The answers of the servers, compared before anything is timed.

The `data` of each answer is encoded again by one encoder that keeps the order of the keys,
because stock encodes with `json` and ours with `orjson`; then the bytes must be the same. Changes
are made to the same baskets in the same state, one server after the other; only the time of the
change differs, and is left out.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import asyncpg
import httpx
import orjson

from bench.operations import BESIDE, Workload
from bench.population import Placed
from bench.reset import reset
from bench.round_trips import ask

BUYERS = 3
"""Buyers of each workload whose answers are compared."""
_CHANGED_AT = re.compile(rb'"updatedAt":"[^"]*"')
_PREFIX = re.compile(rb'("id":")[a-z_]+_(?=\d+")')
_CURSOR = re.compile(rb'"(?:cursor|startCursor|endCursor)":"[^"]*"')


class AnswersDiffer(Exception):
    """Raised when the servers do not answer the same; the message shows where."""


def comparable_data(body: bytes, workload: Workload, *, ignore_ids: bool) -> bytes:
    """Returns the compared bytes of an answer; raises AnswersDiffer when it has errors.

    With `ignore_ids` ids are their numbers, and cursors are left out.
    """
    answer = orjson.loads(body)
    # Equal errors are no equal answers, and they are fast.
    if answer.get("errors") or b'"userErrors":[{' in body:
        raise AnswersDiffer(f"{workload.name} was answered with errors: {body[:500]!r}")
    data = orjson.dumps(answer["data"])
    if ignore_ids:
        data = _CURSOR.sub(b"", _PREFIX.sub(rb"\1", data))
    return _CHANGED_AT.sub(b"", data) if workload.writes else data


async def check_equality(
    connections: Mapping[str, asyncpg.Connection],
    ports: Mapping[str, int],
    workloads: Sequence[Workload],
    populations: list[Placed],
) -> int:
    """Compares the answers of the servers and returns their number; raises AnswersDiffer.

    Each server has a connection to its database and a port.
    """
    count = 0
    # An older checkout may have ids of another form.
    ignore_ids = BESIDE in ports
    for workload in workloads:
        answers = {}
        # Of all databases, because it is part of the answers.
        refreshed_at = datetime.now(UTC)
        for kind in workload.supporting(ports):
            await reset(connections[kind], populations, refreshed_at=refreshed_at)
            answers[kind] = await _answers(
                kind, ports[kind], workload, populations, ignore_ids=ignore_ids
            )
        count += _compare(workload, answers)
    for connection in connections.values():
        await reset(connection, populations)
    return count


async def _answers(
    kind: str,
    port: int,
    workload: Workload,
    populations: list[Placed],
    *,
    ignore_ids: bool,
) -> list[bytes]:
    calls, shape = workload.calls(populations), workload.shape(kind)
    some = workload.compared(calls, BUYERS)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        bodies = [await ask(client, shape, call) for call in some]
    return [comparable_data(body, workload, ignore_ids=ignore_ids) for body in bodies]


def _compare(workload: Workload, answers: Mapping[str, list[bytes]]) -> int:
    (first, expected), *others = answers.items()
    for kind, answer in others:
        for one, other in zip(expected, answer, strict=True):
            if one != other:
                raise AnswersDiffer(
                    f"{workload.name}: {first} and {kind} differ: {_difference(one, other)}"
                )
    return sum(len(bodies) for bodies in answers.values())


def _difference(one: bytes, other: bytes) -> str:
    pairs = zip(one, other, strict=False)
    index = next(
        (index for index, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other))
    )
    begin = max(0, index - 60)
    return f"at byte {index}: {one[begin : index + 60]!r} and {other[begin : index + 60]!r}"
