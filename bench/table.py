"""The table of a run: the results of the servers below each other, with their ratios."""

from collections.abc import Mapping, Sequence
from statistics import median

from bench.operations import BESIDE, BY_HAND, Workload
from bench.rounds import Result, Results

RoundTrips = Mapping[str, Mapping[str, tuple[int, int]]]
"""Round trips by server and workload: of a buyer's first request, and of the one after it."""
COMPARED = (BESIDE, "stock", BY_HAND, "mercurius", "postgraphile")
"""The servers that others are compared with, where they were measured."""


def format_table(results: Results, trips: RoundTrips, workloads: list[Workload]) -> str:
    """Returns the results as lines of text.

    `server us` and `PG us` are the processor times per request of the server and of PostgreSQL, in
    microseconds. Ratios are the medians of the ratios of each round. Round trips are those of a
    buyer's first request, whose token is looked up, and of the next one.
    """
    kinds = {kind for _, kind in results}
    others = [kind for kind in COMPARED if kind in kinds and len(kinds) > 1]
    columns = (
        f"{'':14}requests/s   p50 ms   p99 ms  peak MB  server us    PG us"
        f"{'  round trips' if trips else ''}"
    )
    header = columns + "".join(f"  {f'to {kind}':>7}" for kind in others)
    lines = [header, "-" * len(header)]
    for workload in workloads:
        lines.append(f"{workload.name}: {workload.description}")
        # In the order in which the servers were measured.
        of_workload = {
            kind: result
            for (name, kind), result in results.items()
            if name == workload.name
        }
        for kind, result in of_workload.items():
            ratios = "".join(
                f"{_ratio(of_workload, kind, other):>{max(9, len(other) + 5)}}"
                for other in others
            )
            counts = trips.get(kind, {}).get(workload.name)
            lines.append(_figures(kind, result) + _counts(counts, bool(trips)) + ratios)
    return "\n".join(lines)


def format_halves(results: Results) -> list[str]:
    """Returns a line per workload and server: the latencies at half of its rate.

    They are medians of the rounds. The delay is the load generator's own, and is part of them.
    """
    return [
        f"{workload:<7}{kind:<13}half of its rate, {result.rate / 2:,.0f} requests/s: "
        f"p50 {median(half.p50 for half in result.halves):.2f} ms, "
        f"p99 {median(half.p99 for half in result.halves):.2f} ms "
        f"(delay {median(half.delay_p99 for half in result.halves):.2f} ms)"
        for (workload, kind), result in results.items()
    ]


def _figures(kind: str, result: Result) -> str:
    postgres = result.postgres_microseconds
    return (
        f"  {kind:<13}{result.rate:9,.0f}{result.p50:9.2f}{result.p99:9.2f}"
        f"{result.peak_megabytes:9.0f}{result.server_microseconds:11.0f}"
        f"{'-' if postgres is None else format(postgres, '.0f'):>9}"
    )


def _counts(counts: tuple[int, int] | None, is_shown: bool) -> str:
    if not is_shown:
        return ""
    return f"{f'{counts[0]} / {counts[1]}' if counts else '-':>13}"


def _ratio(results: Mapping[str, Result], kind: str, other: str) -> str:
    """Returns the median of the ratios of the rates within a round.

    The measurements of a round follow each other, so what disturbs one disturbs the others. A
    server that does not have the operation has no rates.
    """
    if other not in results:
        return "-"
    return format(median(_quotients(results[kind].rates, results[other].rates)), ".2f")


def _quotients(rates: Sequence[float], others: Sequence[float]) -> list[float]:
    return [rate / other for rate, other in zip(rates, others, strict=True)]
