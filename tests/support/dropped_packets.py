"""Run in a network namespace of its own: PostgreSQL's packets are dropped, and the waits are printed."""

import asyncio
import json
import subprocess
import sys

from models.database.connection import (
    Bounds,
    check_answers,
    connect,
    disconnect,
    is_unavailable,
)
from tests.support.loop_time import LoopClock, loop_clock
from tests.support.postgres_cluster import own_cluster
from tests.support.programs import program
from tests.support.statements import statement

SLEEP = statement("SELECT pg_sleep(:seconds)::text")


def drop(port: int, action: str) -> None:
    """Drops, or drops no longer, each packet from and to a port."""
    for direction in ("--sport", "--dport"):
        rule = ["-p", "tcp", direction, str(port), "-j", "DROP"]
        subprocess.run([program("iptables"), action, "INPUT", *rule], check=True)


async def seconds_until_failure(clock: LoopClock) -> float:
    """Asks once; returns the seconds of the clock at which it failed by the outage, or -1."""
    (answer,) = await asyncio.gather(check_answers(), return_exceptions=True)
    is_out = isinstance(answer, BaseException) and is_unavailable(answer)
    return clock.seconds if is_out else -1.0


async def main() -> None:
    """Prints the seconds of each wait, and whether all is well afterwards."""
    with own_cluster() as cluster:
        await connect(cluster.url, 20, Bounds())
        await asyncio.gather(*[SLEEP.rows(seconds=0.1) for _ in range(20)])
        # Statements under way have nothing unacknowledged, others send into the void.
        slow = [asyncio.create_task(SLEEP.rows(seconds=30.0)) for _ in range(5)]
        await asyncio.sleep(0.2)
        drop(cluster.port, "-A")
        async with loop_clock() as clock:
            waits = await asyncio.gather(*[seconds_until_failure(clock) for _ in range(30)])
            ended = await asyncio.gather(*slow, return_exceptions=True)
            slowest = clock.seconds
        lost = all(
            isinstance(error, BaseException) and is_unavailable(error) for error in ended
        )
        drop(cluster.port, "-D")
        await check_answers()
        await disconnect()
    sys.stdout.write(json.dumps({"waits": waits, "slowest": slowest, "lost": lost}) + "\n")


asyncio.run(main())
