"""Connections to Redis, for threads and for the event loop, from one address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.retry
import redis.asyncio.sentinel
import redis.sentinel
from redis.backoff import NoBackoff
from redis.retry import Retry

from tasks.redis.address import RedisAddress


@dataclass(frozen=True, slots=True)
class RedisServer:
    """The Redis of this installation: its address, and the prefix that all of our keys there begin with."""

    address: RedisAddress
    prefix: str


def connect(address: RedisAddress, seconds: float) -> redis.Redis:
    """Returns a client for threads that connects when it is first used; `seconds` is the timeout per command.

    Nothing is retried: each caller has a fallback of its own, and a retry would multiply the timeout.
    """
    retry = Retry(NoBackoff(), 0)
    arguments = _arguments(address, seconds) | {"retry": retry}
    if not address.service:
        return redis.Redis(**_target(address), **arguments)

    sentinels = redis.sentinel.Sentinel(  # type: ignore[no-untyped-call]
        address.hosts,
        sentinel_kwargs=_sentinel_arguments(address, seconds) | {"retry": retry},
        **arguments,
    )
    client: redis.Redis = sentinels.master_for(address.service)  # type: ignore[no-untyped-call]
    return client


@asynccontextmanager
async def connect_async(
    address: RedisAddress, seconds: float
) -> AsyncIterator[redis.asyncio.Redis]:
    """Keeps a client for the event loop open; it is as `connect` makes them."""
    retry = redis.asyncio.retry.Retry(NoBackoff(), 0)
    arguments = _arguments(address, seconds) | {"retry": retry}
    if not address.service:
        async with redis.asyncio.Redis(**_target(address), **arguments) as client:
            yield client
        return

    sentinels = redis.asyncio.sentinel.Sentinel(  # type: ignore[no-untyped-call]
        address.hosts,
        sentinel_kwargs=_sentinel_arguments(address, seconds) | {"retry": retry},
        **arguments,
    )
    client = sentinels.master_for(address.service)
    try:
        yield client
    finally:
        await client.aclose()
        await asyncio.gather(*(sentinel.aclose() for sentinel in sentinels.sentinels))


def _target(address: RedisAddress) -> dict[str, Any]:
    if address.socket_path:
        return {"unix_socket_path": address.socket_path}
    host, port = address.hosts[0]
    return {"host": host, "port": port}


def _arguments(address: RedisAddress, seconds: float) -> dict[str, Any]:
    return {
        "db": address.database,
        "username": address.username or None,
        "password": address.password or None,
        **_bounds(address, seconds),
        **_tls(address),
        **address.options,
    }


def _sentinel_arguments(address: RedisAddress, seconds: float) -> dict[str, Any]:
    return {**address.sentinel_login, **_bounds(address, seconds), **_tls(address)}


def _bounds(address: RedisAddress, seconds: float) -> dict[str, Any]:
    bounds: dict[str, Any] = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    # A socket in the file system has no keep-alive.
    return bounds if address.socket_path else bounds | {"socket_keepalive": True}


def _tls(address: RedisAddress) -> dict[str, Any]:
    if not address.has_tls:
        return {}
    # Without a check of the certificate, OpenSSL rejects to check the host's name.
    is_unchecked = address.tls.get("ssl_cert_reqs") == "none"
    unchecked = {"ssl_check_hostname": False} if is_unchecked else {}
    return {"ssl": True, **unchecked, **address.tls}
