"""Clients of Redis, for threads and for the event loop, all made from one address."""

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
    """The Redis of this installation: its address, and the prefix of all our keys there.

    Each client has its own timeout, in seconds per command. Nothing is retried: each user has a
    fallback of its own, and a retry would multiply the timeout.
    """

    address: RedisAddress
    prefix: str

    def connect(self, timeout: float) -> redis.Redis:
        """Returns a client for threads, which connects when it is first used."""
        address = self.address
        retry = Retry(NoBackoff(), 0)
        arguments = _client_arguments(address, timeout) | {"retry": retry}
        if not address.service:
            return redis.Redis(**_target(address), **arguments)

        sentinels = redis.sentinel.Sentinel(  # type: ignore[no-untyped-call]
            address.hosts,
            sentinel_kwargs=_sentinel_arguments(address, timeout) | {"retry": retry},
            **arguments,
        )
        client: redis.Redis = sentinels.master_for(address.service)  # type: ignore[no-untyped-call]
        return client

    @asynccontextmanager
    async def connect_async(
        self, command_timeout: float
    ) -> AsyncIterator[redis.asyncio.Redis]:
        """Keeps a client for the event loop open."""
        address = self.address
        retry = redis.asyncio.retry.Retry(NoBackoff(), 0)
        arguments = _client_arguments(address, command_timeout) | {"retry": retry}
        if not address.service:
            async with redis.asyncio.Redis(**_target(address), **arguments) as client:
                yield client
            return

        sentinels = redis.asyncio.sentinel.Sentinel(  # type: ignore[no-untyped-call]
            address.hosts,
            sentinel_kwargs=_sentinel_arguments(address, command_timeout)
            | {"retry": retry},
            **arguments,
        )
        client = sentinels.master_for(address.service)
        try:
            yield client
        finally:
            await client.aclose()
            # The client of the primary does not close those of the sentinels.
            await asyncio.gather(*(sentinel.aclose() for sentinel in sentinels.sentinels))


def _target(address: RedisAddress) -> dict[str, Any]:
    if address.socket_path:
        return {"unix_socket_path": address.socket_path}
    host, port = address.hosts[0]
    return {"host": host, "port": port}


def _client_arguments(address: RedisAddress, timeout: float) -> dict[str, Any]:
    return {
        "db": address.database,
        "username": address.username or None,
        "password": address.password or None,
        **_socket_arguments(address, timeout),
        **_tls_arguments(address),
        **address.options,
    }


def _sentinel_arguments(address: RedisAddress, timeout: float) -> dict[str, Any]:
    return {
        **address.sentinel_login,
        **_socket_arguments(address, timeout),
        **_tls_arguments(address),
    }


def _socket_arguments(address: RedisAddress, timeout: float) -> dict[str, Any]:
    timeouts = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    # redis-py passes keep-alive to a Unix socket too, which has none.
    return timeouts if address.socket_path else timeouts | {"socket_keepalive": True}


def _tls_arguments(address: RedisAddress) -> dict[str, Any]:
    if not address.has_tls:
        return {}
    # OpenSSL cannot check the host's name without checking the certificate.
    is_unchecked = address.tls.get("ssl_cert_reqs") == "none"
    unchecked = {"ssl_check_hostname": False} if is_unchecked else {}
    return {"ssl": True, **unchecked, **address.tls}
