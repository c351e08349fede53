"""Load at a constant rate, for the latencies of a server that is not saturated.

Requests are due at equal intervals, whether or not earlier ones were answered, and are sent over
the next free one of 64 connections. A latency is the time from when a request was due until its
answer is read, so that a server that stops for a while is charged with every request that waits
meanwhile: a load generator that sends only after an answer would not send those at all.

The requests are sent by a Python process on the core of the load. Its own delay is reported: the
time between when a request was due and when it was sent, for requests that found a connection free.
"""

import asyncio
import json
import re
import selectors
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from bench.operations import Call, Line, Shape
from bench.wrk import LOAD_CORE, LoadFailed

CONNECTIONS = 64
LONGEST_DELAY = 60.0
"""Seconds after the last request until the missing answers are given up."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ConstantLoad:
    """The number of requests, latencies, and the generator's own delay, in milliseconds."""

    requests: int
    p50: float
    p99: float
    delay_p99: float


@dataclass(frozen=True, slots=True)
class Order:
    """The requests that a generator sends, and when."""

    port: int
    shape: Shape
    calls: Sequence[Call]
    rate: float
    seconds: float

    def request(self, number: int) -> bytes:
        """Returns a request; they are sent in turn, with a fresh key each."""
        call = self.calls[number % len(self.calls)]
        body = self.shape.body_of(call).encode()
        head = (
            f"{self.shape.method} {self.shape.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nAuthorization: Token {call.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Connection(asyncio.Protocol):
    """A connection that has at most one request under way."""

    _transport: asyncio.WriteTransport

    def __init__(self, generator: "Generator") -> None:
        self._generator = generator
        self._received = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is free from now on."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._generator.free.append(self)

    def send(self, due: float, request: bytes) -> None:
        """Sends a request."""
        self._due, self._received = due, b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Reports the answer when it is complete."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and length and len(body) >= int(length[1]):
            self._generator.receive(self, self._due, is_accepted=head[9:10] == b"2")

    def connection_lost(self, error: Exception | None) -> None:
        """Counts as a failure while requests are sent."""
        self._generator.lose()

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()


class Generator:
    """Sends the requests of an order."""

    def __init__(self, order: Order) -> None:
        self.free: deque[Connection] = deque()
        self._order = order
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._latencies: list[float] = []
        self._delays: list[float] = []
        self._failures = 0
        self._is_over = False
        self._loop = asyncio.get_running_loop()
        self._count = max(1, round(order.rate * order.seconds))
        self._done = asyncio.Event()

    async def carry_out(self) -> ConstantLoad:
        """Sends all requests and returns the percentiles; raises LoadFailed."""
        connections = [
            await self._loop.create_connection(
                lambda: Connection(self), "127.0.0.1", self._order.port
            )
            for _ in range(CONNECTIONS)
        ]
        begin = self._loop.time()
        for number in range(self._count):
            due = begin + number / self._order.rate
            # Made before it is due, so that making it delays no request.
            request = self._order.request(number)
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            self._send(due, request)
        async with asyncio.timeout(LONGEST_DELAY):
            await self._done.wait()
        self._is_over = True
        for _, connection in connections:
            connection.close()
        if self._failures:
            raise LoadFailed(f"{self._failures} of {self._count} requests failed.")
        return ConstantLoad(
            self._count,
            percentile(self._latencies, 50),
            percentile(self._latencies, 99),
            percentile(self._delays, 99),
        )

    def _send(self, due: float, request: bytes) -> None:
        if not self.free:
            self._waiting.append((due, request))
            return
        self._delays.append(self._loop.time() - due)
        self.free.popleft().send(due, request)

    def receive(self, connection: Connection, due: float, *, is_accepted: bool) -> None:
        """Counts an answer, and sends the request that has waited for longest."""
        self._latencies.append(self._loop.time() - due)
        self._failures += not is_accepted
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self.free.append(connection)
        if len(self._latencies) == self._count:
            self._done.set()

    def lose(self) -> None:
        """Ends the load early when a connection is closed before its end."""
        if not self._is_over:
            self._failures += 1
            self._done.set()


def percentile(seconds: Sequence[float], percent: int) -> float:
    """Returns a percentile in milliseconds; 0 of nothing."""
    ordered = sorted(seconds)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1e3


def put_constant_load(order: Order) -> ConstantLoad:
    """Sends an order from a process on the core of the load; raises LoadFailed."""
    with tempfile.TemporaryDirectory(prefix="basket-bench-") as folder:
        file = Path(folder) / "order.json"
        file.write_text(json.dumps(asdict(order)))
        command = [sys.executable, "-m", "bench.constant_rate", str(file)]
        pinned = ["taskset", "-c", str(LOAD_CORE), *command]
        done = subprocess.run(pinned, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoadFailed(f"The load at a constant rate failed: {done.stderr[-2000:]}")
    return ConstantLoad(**json.loads(done.stdout))


def read_order(text: str) -> Order:
    """Returns the order that was written as JSON."""
    values = json.loads(text)
    calls = [
        Call(call["token"], Line(**call["line"]) if call["line"] else None)
        for call in values.pop("calls")
    ]
    return Order(shape=Shape(**values.pop("shape")), calls=calls, **values)


def main(file: str) -> None:
    """Sends the order of a file and prints the load as JSON."""
    order = read_order(Path(file).read_text())

    async def send() -> ConstantLoad:
        return await Generator(order).carry_out()

    # select() waits to the microsecond, epoll only to the millisecond.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        print(json.dumps(asdict(runner.run(send()))))


if __name__ == "__main__":
    main(sys.argv[1])
