"""Rate limits: exact in one process and over several, kept in a real Redis that is stopped and started again."""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest
import redis
from prometheus_client import REGISTRY, Counter

from tasks.redis.address import parse_redis_address
from tasks.redis.connection import RedisServer
from tests.support.ports import free_port
from tests.support.processes import Processes, kill
from tests.support.service import Service, serve_beside
from tests.support.waiting import TIMEOUT_SECONDS, eventually
from web.http.rate_limit import (
    MAXIMUM_KEYS,
    REJECTED,
    UNANSWERED,
    RateLimit,
    RateLimited,
    RateLimits,
    rate_limits,
)

NAMES = {
    REJECTED: "basket_rate_limit_rejections_total",
    UNANSWERED: "basket_rate_limit_unavailable_total",
}
QUERY = {"query": "{ viewer { id } }"}
MAIN = {"Authorization": "Token main"}


def counted(counter: Counter) -> int:
    """Returns what a counter of the rate limit stands at."""
    return int(REGISTRY.get_sample_value(NAMES[counter]) or 0)


class OwnRedis:
    """A Redis of this test, which may be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.processes = Processes(folder)
        self.process = self.processes.redis(self.port)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.server = RedisServer(parse_redis_address(self.url), "basket-test")

    def stop(self) -> None:
        """Kills it; what it held is lost."""
        kill(self.process)

    def start(self) -> None:
        """Starts it again, empty."""
        self.process = self.processes.redis(self.port)

    def keys(self) -> list[str]:
        """Returns all keys."""
        with redis.Redis(port=self.port) as client:
            return [key.decode() for key in client.keys()]

    def questions(self) -> int:
        """Returns how many scripts were run: one a handful."""
        with redis.Redis(port=self.port) as client:
            return int(
                client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
            )


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    """A Redis of this test."""
    started = OwnRedis(tmp_path)
    yield started
    started.processes.end()


def patient_limits(
    own_redis: OwnRedis, *, token: str, address: str
) -> AbstractAsyncContextManager[RateLimits]:
    """Opens limits that let a busy machine take its time to answer."""
    return rate_limits(
        own_redis.server, token=token, address=address, seconds=TIMEOUT_SECONDS
    )


async def allowed(limit: RateLimit | None, key: str, times: int) -> int:
    """Takes hits one after the other and returns how many were let through."""
    assert limit is not None
    count = 0
    for _ in range(times):
        with suppress(RateLimited):
            await limit.take(key)
            count += 1
    return count


@pytest.mark.parametrize("amount", [1, 7, 50, 130])
async def test_exactly_the_limit_is_let_through_in_memory(amount: int) -> None:
    async with rate_limits(None, token=f"{amount}/hour", address="") as limits:
        assert limits.address is None
        assert await allowed(limits.token, "a", 300) == amount
        assert await allowed(limits.token, "b", 300) == amount


async def test_processes_together_let_exactly_the_limit_through(
    own_redis: OwnRedis,
) -> None:
    async with (
        patient_limits(own_redis, token="1000/hour", address="") as one,
        patient_limits(own_redis, token="1000/hour", address="") as two,
        patient_limits(own_redis, token="1000/hour", address="") as three,
    ):
        before = counted(REJECTED)
        takers = [
            allowed(limits.token, "key", 60)
            for limits in (one, two, three)
            for _ in range(10)
        ]
        assert sum(await asyncio.gather(*takers)) == 1_000
        assert counted(REJECTED) - before == 800
        # Fifty handfuls of twenty hits; each process asks once in vain, and once before Redis knows the script.
        assert await asyncio.to_thread(own_redis.questions) <= 56


async def test_hits_bought_near_the_end_of_a_window_are_used(own_redis: OwnRedis) -> None:
    async with patient_limits(own_redis, token="100/minute", address="") as limits:
        assert await allowed(limits.token, "key", 1) == 1
        (key,) = own_redis.keys()
        with redis.Redis(port=own_redis.port) as client:
            client.pexpire(key, 900)
        # A handful is two hits: were each good for one request only, the limit would be passed at the fiftieth.
        assert await allowed(limits.token, "key", 90) == 90


async def test_a_window_ends(own_redis: OwnRedis) -> None:
    async with patient_limits(own_redis, token="3/5seconds", address="") as limits:
        assert await allowed(limits.token, "key", 10) == 3

        async def is_allowed() -> bool:
            return await allowed(limits.token, "key", 1) == 1

        await eventually(is_allowed, "The end of the window")
        assert await allowed(limits.token, "key", 1) == 1


async def test_without_redis_everything_is_let_through_and_counted_until_it_is_back(
    own_redis: OwnRedis,
) -> None:
    async with patient_limits(own_redis, token="5/hour", address="") as limits:
        assert await allowed(limits.token, "key", 10) == 5
        await asyncio.to_thread(own_redis.stop)
        before = counted(UNANSWERED)
        assert await allowed(limits.token, "other", 100) == 100
        assert counted(UNANSWERED) == before + 1
        await asyncio.to_thread(own_redis.start)
        await asyncio.sleep(1.1)
        assert await allowed(limits.token, "third", 10) == 5


async def test_a_frozen_redis_costs_a_quarter_of_a_second_once(
    own_redis: OwnRedis,
) -> None:
    async with patient_limits(own_redis, token="5/hour", address="") as limits:
        assert await allowed(limits.token, "key", 1) == 1
        own_redis.process.send_signal(19)
        assert limits.token is not None
        limits.token.timeout, limits.token.pause = 0.25, TIMEOUT_SECONDS
        before = counted(UNANSWERED)
        assert await allowed(limits.token, "other", 50) == 50
        # Fifty requests that each waited for it would each have counted.
        assert counted(UNANSWERED) == before + 1
        own_redis.process.send_signal(18)


async def test_a_clock_set_back_does_not_make_a_window_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with rate_limits(None, token="2/minute", address="") as limits:
        assert await allowed(limits.token, "key", 3) == 2
        token = limits.token
        assert token is not None
        now = time.time()
        monkeypatch.setattr("time.time", lambda: now - 3_600)
        token.allowances.clear()
        with pytest.raises(RateLimited) as rejected:
            await token.take("key")
        assert rejected.value.seconds <= 60


async def test_keys_are_bounded() -> None:
    async with rate_limits(None, token="", address="100/hour") as limits:
        address = limits.address
        assert address is not None
        for number in range(MAXIMUM_KEYS + 500):
            await address.take(str(number))
        assert len(address.allowances) == MAXIMUM_KEYS


@pytest.mark.parametrize("off", ["", "0", " "])
async def test_no_limit_is_no_limit(off: str) -> None:
    async with rate_limits(None, token=off, address=off) as limits:
        assert limits == RateLimits(None, None)


async def test_a_token_over_its_limit_is_429_and_others_are_not(
    service: Service, database_url: str
) -> None:
    async with serve_beside(
        service, database_url, rate_limit_token="3/minute", rate_limit_address=""
    ) as client:
        for _ in range(3):
            assert (
                await client.post("/graphql", json=QUERY, headers=MAIN)
            ).status_code == 200
        rejected = await client.post("/graphql", json=QUERY, headers=MAIN)
        assert rejected.status_code == 429
        (error,) = rejected.json()["errors"]
        assert error["extensions"] == {"code": "RATE_LIMITED"}
        assert error["message"].startswith("The limit of 3/minute is passed; try again in ")
        assert 1 <= int(rejected.headers["retry-after"]) <= 60
        download = await client.get(
            "/export_file/0123456789abcdef0123456789abcdef.csv", headers=MAIN
        )
        assert download.status_code == 429
        other = await client.post(
            "/graphql", json=QUERY, headers={"Authorization": "Token other"}
        )
        assert other.status_code == 200


async def test_an_address_without_a_token_is_soon_rejected_and_health_never_is(
    service: Service, database_url: str
) -> None:
    async with serve_beside(
        service, database_url, rate_limit_token="", rate_limit_address="100/minute"
    ) as client:
        statuses = [
            (await client.post("/graphql", json=QUERY)).status_code for _ in range(20)
        ]
        assert statuses == [401] * 9 + [429] * 11
        assert (await client.post("/graphql", json=QUERY, headers=MAIN)).status_code == 429
        assert (
            await client.get("/graphql", headers={"Accept": "text/html"})
        ).status_code == 429
        assert [
            (await client.get(path)).status_code for path in ("/healthz", "/readyz")
        ] == [200, 200]


async def test_redis_keeps_digests_only(
    service: Service,
    database_url: str,
    own_redis: OwnRedis,
) -> None:
    async with patient_limits(own_redis, token="3/minute", address="") as limits:
        assert limits.token is not None
        await limits.token.take(hashlib.sha256(b"main").hexdigest())
    (key,) = await asyncio.to_thread(own_redis.keys)
    assert hashlib.sha256(b"main").hexdigest() in key
    assert "main" not in key
