"""The answers of the three servers, compared before anything is timed.

The `data` of each answer is read and written again by one encoder that keeps the order of the keys, because stock
writes with `json` and ours with `orjson`; then the bytes must be the same. Changes are made to the same baskets in the
same state, one server after the other; the moment of the change is the one thing that differs, and is left out.
"""

import re
from collections.abc import Mapping, Sequence

import asyncpg
import httpx
import orjson

from bench.operations import Workload
from bench.population import Placed
from bench.reset import reset
from bench.round_trips import ask

BUYERS = 3
"""How many buyers of each workload are asked for."""
_MOMENT = re.compile(rb'"updatedAt":"[^"]*"')


class AnswersDiffer(Exception):
    """Raised when the servers do not answer the same; the message shows where."""


def data_of(body: bytes, workload: Workload) -> bytes:
    """Returns the data of an answer, in the bytes that are compared; raises AnswersDiffer when there are errors."""
    answer = orjson.loads(body)
    if answer.get("errors") or b'"userErrors":[{' in body:
        raise AnswersDiffer(f"{workload.name} was answered with errors: {body[:500]!r}")
    data = orjson.dumps(answer["data"])
    return _MOMENT.sub(b"", data) if workload.writes else data


async def check_equality(
    connection: asyncpg.Connection,
    ports: Mapping[str, int],
    workloads: Sequence[Workload],
    populations: list[Placed],
) -> int:
    """Compares the answers of the servers and returns how many were compared; raises AnswersDiffer."""
    count = 0
    for workload in workloads:
        answers = {}
        await reset(connection, populations)
        for kind, port in ports.items():
            await reset(connection, populations, refresh=False)
            answers[kind] = await _answers(kind, port, workload, populations)
        count += _compare(workload, answers)
    await reset(connection, populations)
    return count


async def _answers(
    kind: str, port: int, workload: Workload, populations: list[Placed]
) -> list[bytes]:
    calls, shape = workload.calls(populations), workload.shape(kind)
    chosen = calls[:: max(1, len(calls) // workload.repeats // BUYERS)][:BUYERS]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        return [data_of(await ask(client, shape, call), workload) for call in chosen]


def _compare(workload: Workload, answers: Mapping[str, list[bytes]]) -> int:
    (first, expected), *others = answers.items()
    for kind, found in others:
        for one, other in zip(expected, found, strict=True):
            if one != other:
                raise AnswersDiffer(
                    f"{workload.name}: {first} and {kind} differ: {_difference(one, other)}"
                )
    return sum(len(found) for found in answers.values())


def _difference(one: bytes, other: bytes) -> str:
    pairs = zip(one, other, strict=False)
    place = next(
        (place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other))
    )
    begin = max(0, place - 60)
    return f"at byte {place}: {one[begin : place + 60]!r} and {other[begin : place + 60]!r}"
