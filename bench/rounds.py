"""The rounds of a run: each workload on each server in turn, and the medians of all rounds."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import asyncpg

from bench.backends import backend_seconds, pin_backends, seconds_between
from bench.constant_rate import ConstantLoad, Order, put_constant_load
from bench.operations import Workload
from bench.population import Placed
from bench.reset import changes, reset
from bench.servers import Server
from bench.wrk import Load, LoadFailed, NothingAnswered, put_load


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload on one server in one round; processor times are microseconds per request.

    `postgres_microseconds` is None when PostgreSQL runs on another machine.
    """

    load: Load
    peak_megabytes: float
    server_microseconds: float
    postgres_microseconds: float | None
    half: ConstantLoad | None
    """The load at half the rate, where one was asked for."""


@dataclass(frozen=True, slots=True)
class Result:
    """The medians of all rounds, the highest memory, the rate and the half load of each round."""

    rate: float
    p50: float
    p99: float
    peak_megabytes: float
    server_microseconds: float
    postgres_microseconds: float | None
    rates: tuple[float, ...]
    halves: tuple[ConstantLoad, ...] = ()


Results = dict[tuple[str, str], Result]
"""Results by the names of workload and server."""


class Rounds:
    """Measures workloads on running servers; each has a connection to its database."""

    def __init__(
        self,
        connections: Mapping[str, asyncpg.Connection],
        servers: Mapping[str, Server],
        populations: list[Placed],
        *,
        seconds: float,
        warm_up: float,
        has_half: bool = False,
    ) -> None:
        self.connections = connections
        self.servers = servers
        self.populations = populations
        self.seconds = seconds
        self.warm_up = warm_up
        self.has_half = has_half
        self.pinned = 0

    async def carry_out(self, workloads: list[Workload], rounds: int) -> Results:
        """Measures each workload on each server once per round; returns the medians."""
        measurements: dict[tuple[str, str], list[Measurement]] = {}
        for number in range(rounds):
            for workload in workloads:
                for kind in workload.supporting(self.servers):
                    measurement = await self._measure(workload, self.servers[kind])
                    measurements.setdefault((workload.name, kind), []).append(measurement)
                    line = f"round {number + 1} of {rounds}  {workload.name:<7}{kind:<13}"
                    print(f"{line}{measurement.load.rate:9,.0f} requests/s", flush=True)
        return {key: _median(found) for key, found in measurements.items()}

    async def _measure(self, workload: Workload, server: Server) -> Measurement:
        calls, shape = workload.calls(self.populations), workload.shape(server.kind)
        connection = self.connections[server.kind]
        if workload.writes:
            await reset(connection, self.populations)
        warm = put_load(server.port, shape, calls, self.warm_up)
        # The first requests have opened the connections that are now pinned.
        self.pinned = max(self.pinned, await pin_backends(connection))
        server.reset_peak()
        # Processor times tell more than rates: other load on the machine hardly changes them.
        before, backends = (
            server.processor_seconds(),
            await backend_seconds(connection),
        )
        load = put_load(server.port, shape, calls, self.seconds)
        if not load.requests:
            raise NothingAnswered(f"{workload.name}: {server.kind}", self.seconds)
        seconds = server.processor_seconds() - before
        postgres = seconds_between(backends, await backend_seconds(connection))
        # wrk ends while requests are still being answered.
        await asyncio.sleep(0.2)
        half = (
            put_constant_load(Order(server.port, shape, calls, load.rate / 2, self.seconds))
            if self.has_half
            else None
        )
        if workload.writes:
            loads = (warm.requests, load.requests, half.requests if half else 0)
            sent = sum(requests // (workload.reads + 1) for requests in loads)
            await _check_changes(connection, sent)
        return Measurement(
            load,
            server.peak_megabytes(),
            seconds * 1e6 / load.requests,
            None if postgres is None else postgres * 1e6 / load.requests,
            half,
        )


async def _check_changes(connection: asyncpg.Connection, requests: int) -> None:
    # A server that answers before it commits would be the fastest.
    count = await changes(connection)
    if count < requests:
        raise LoadFailed(f"{requests} changes were answered, and only {count} were made.")


def _median(measurements: list[Measurement]) -> Result:
    loads = [measurement.load for measurement in measurements]
    postgres = [
        measurement.postgres_microseconds
        for measurement in measurements
        if measurement.postgres_microseconds is not None
    ]
    return Result(
        rate=median(load.rate for load in loads),
        p50=median(load.p50 for load in loads),
        p99=median(load.p99 for load in loads),
        peak_megabytes=max(measurement.peak_megabytes for measurement in measurements),
        server_microseconds=median(
            measurement.server_microseconds for measurement in measurements
        ),
        postgres_microseconds=median(postgres) if postgres else None,
        rates=tuple(load.rate for load in loads),
        halves=tuple(measurement.half for measurement in measurements if measurement.half),
    )
