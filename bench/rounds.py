"""The rounds: each workload on each server in turn, at least three times, and the medians."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import asyncpg

from bench.operations import KINDS, Workload
from bench.population import Placed
from bench.reset import changes, reset
from bench.servers import Server, pin_database
from bench.wrk import Load, LoadFailed, put_load


@dataclass(frozen=True, slots=True)
class Measured:
    """What one round showed of a workload on one server."""

    load: Load
    peak_megabytes: float
    processor_microseconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """The medians of all rounds; memory is the highest, and `rates` are the single rounds."""

    rate: float
    p50: float
    p99: float
    peak_megabytes: float
    processor_microseconds: float
    rates: tuple[float, ...]


Results = dict[tuple[str, str], Result]
"""By the names of workload and server."""


class Rounds:
    """All rounds of a run."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        servers: Mapping[str, Server],
        populations: list[Placed],
        *,
        seconds: float,
        warm_up: float,
    ) -> None:
        self.connection = connection
        self.servers = servers
        self.populations = populations
        self.seconds = seconds
        self.warm_up = warm_up
        self.pinned = 0

    async def carry_out(self, workloads: list[Workload], rounds: int) -> Results:
        """Measures, and returns the medians by workload and server."""
        measured: dict[tuple[str, str], list[Measured]] = {}
        for number in range(rounds):
            for workload in workloads:
                for kind in self.servers:
                    found = await self._measure(workload, self.servers[kind])
                    measured.setdefault((workload.name, kind), []).append(found)
                    _say(
                        f"round {number + 1} of {rounds}  {workload.name:<5}{kind:<8}{found.load.rate:9,.0f} requests/s"
                    )
        return {key: _median(found) for key, found in measured.items()}

    async def _measure(self, workload: Workload, server: Server) -> Measured:
        calls, shape = workload.calls(self.populations), workload.shape(server.kind)
        if workload.writes:
            await reset(self.connection, self.populations)
        warm = put_load(server.port, shape, calls, self.warm_up)
        # The first requests have opened the connections that are now pinned.
        self.pinned = max(self.pinned, await pin_database(self.connection))
        server.forget_peak()
        before = server.processor_seconds()
        load = put_load(server.port, shape, calls, self.seconds)
        if not load.requests:
            raise LoadFailed(
                f"{workload.name}: {server.kind} answered nothing in {self.seconds:g} s; give --seconds."
            )
        computed = (server.processor_seconds() - before) * 1e6 / load.requests
        if workload.writes:
            # wrk ends while requests are still being answered.
            await asyncio.sleep(0.2)
            await self._check_changes(warm.requests + load.requests)
        return Measured(load, server.peak_megabytes(), computed)

    async def _check_changes(self, requests: int) -> None:
        counted = await changes(self.connection)
        if counted < requests:
            raise LoadFailed(
                f"{requests} changes were answered, and only {counted} were made."
            )


def _median(found: list[Measured]) -> Result:
    loads = [each.load for each in found]
    return Result(
        rate=median(load.rate for load in loads),
        p50=median(load.p50 for load in loads),
        p99=median(load.p99 for load in loads),
        peak_megabytes=max(each.peak_megabytes for each in found),
        processor_microseconds=median(each.processor_microseconds for each in found),
        rates=tuple(load.rate for load in loads),
    )


def _say(text: str) -> None:
    print(text, flush=True)


def table(
    results: Results,
    trips: Mapping[str, Mapping[str, tuple[int, int]]],
    workloads: list[Workload],
) -> str:
    """Writes the results side by side.

    CPU is the time that the server computed for a request. Ratios are the medians of those of the single rounds. Round
    trips are those of a buyer's first request, whose token has to be looked up, and of one right after it.
    """
    lines = [
        "                 requests/s   p50 ms   p99 ms  peak MB  CPU us  round trips  to stock  to by hand",
        "-------------------------------------------------------------------------------------------------",
    ]
    for workload in workloads:
        lines.append(f"{workload.name}: {workload.describes}")
        rates = {
            kind: results[workload.name, kind].rates
            for kind in KINDS
            if (workload.name, kind) in results
        }
        for kind in rates:
            found = results[workload.name, kind]
            first, later = trips.get(kind, {}).get(workload.name, (0, 0))
            ratios = (
                f"{_ratio(rates, kind, 'stock'):>10}{_ratio(rates, kind, 'by hand'):>12}"
            )
            trips_text = f"{first} / {later}"
            lines.append(
                f"  {kind:<12}{found.rate:13,.0f}{found.p50:9.2f}{found.p99:9.2f}{found.peak_megabytes:9.0f}"
                f"{found.processor_microseconds:8.0f}{trips_text:>13}{ratios}"
            )
    return "\n".join(lines)


def _ratio(rates: Mapping[str, Sequence[float]], kind: str, to: str) -> str:
    """Writes the median of the ratios within a round: its measurements follow each other and share their disturbers."""
    if to not in rates:
        return "-"
    return f"{median(ours / theirs for ours, theirs in zip(rates[kind], rates[to], strict=True)):.2f}"
