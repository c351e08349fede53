"""The Redis of this installation, named by the settings and checked before it is used."""

import asyncio

from models.database.installation import InstallationUnknown, read_installation
from settings.startup_error import StartupError
from tasks.redis.address import parse_redis_address
from tasks.redis.check import check_redis
from tasks.redis.connection import RedisServer
from tasks.redis.words import RedisAddressRejected


async def find_redis_server(url: str, prefix: str) -> RedisServer | None:
    """Returns the checked Redis of an address, None without an address.

    Without a prefix the keys begin with the name of the connected database, so that two
    installations on one Redis never take each other's messages. Raises StartupError when the
    Redis can never be used, and the errors of the database.
    """
    if not url:
        return None
    try:
        address = parse_redis_address(url)
    except RedisAddressRejected as reason:
        raise StartupError(f"REDIS_URL: {reason}") from None
    server = RedisServer(address, prefix or await _read_prefix())
    await asyncio.to_thread(check_redis, server)
    return server


async def _read_prefix() -> str:
    try:
        return f"basket-{await read_installation()}"
    except InstallationUnknown as reason:
        raise StartupError(
            "REDIS_PREFIX: set a name of this installation, since none can be made of the "
            f"database: {reason}"
        ) from None
