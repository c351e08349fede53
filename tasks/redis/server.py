"""The Redis of this installation, named by the settings and checked before anything starts on it."""

import asyncio
import re

from models.database.installation import InstallationUnknown, read_installation
from tasks.redis.address import RedisAddressRejected, parse_redis_address
from tasks.redis.check import RedisRejected, check_redis
from tasks.redis.connection import RedisServer

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


async def find_redis_server(url: str, prefix: str) -> RedisServer | None:
    """Returns the checked Redis of an address, None without one.

    Without a prefix of its own the keys begin with the name of the connected database, so that two installations on
    one Redis never take each other's messages. Raises RedisRejected, and what the database raises.
    """
    if not url:
        return None
    try:
        address = parse_redis_address(url)
    except RedisAddressRejected as reason:
        raise RedisRejected(f"REDIS_URL: {reason}") from None

    server = RedisServer(address, checked_prefix(prefix) or await _prefix_of_database())
    try:
        await asyncio.to_thread(check_redis, server)
    except RedisRejected as reason:
        raise RedisRejected(f"REDIS_URL: {reason}") from None
    return server


def checked_prefix(prefix: str) -> str:
    """Returns the prefix; raises RedisRejected unless it is plain text that a rule of access can name."""
    if prefix and not _PREFIX.fullmatch(prefix):
        raise RedisRejected(
            f"REDIS_PREFIX: {prefix!r} is not 1 to 64 letters, digits, points, hyphens and underscores, "
            "with a letter or digit first."
        )
    return prefix


async def _prefix_of_database() -> str:
    try:
        return f"basket-{await read_installation()}"
    except InstallationUnknown as reason:
        raise RedisRejected(
            f"REDIS_PREFIX: set a name of this installation, since none can be made of the database: {reason}"
        ) from None
