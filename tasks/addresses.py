"""Checking the addresses of services without connecting to them.

It imports no library of a server, so that a start is rejected at once.
"""

import settings
from settings.checks import Use, find_problems
from settings.startup_error import StartupError
from tasks.database_address import database_problems
from tasks.exports.store_url import check_absolute, open_storage
from tasks.redis.address import parse_redis_address
from tasks.redis.words import RedisAddressRejected


def address_problems() -> list[str]:
    """Returns the reasons why addresses are not supported, one per line."""
    reasons = database_problems()
    try:
        open_storage(settings.EXPORT_URL)
        if not settings.EMBEDDED:
            check_absolute(settings.EXPORT_URL)
    except StartupError as error:
        reasons.append(str(error))
    if settings.REDIS_URL:
        try:
            parse_redis_address(settings.REDIS_URL)
        except RedisAddressRejected as reason:
            reasons.append(f"REDIS_URL: {reason}")
    return reasons


def server_problems() -> list[str]:
    """Returns why a server may not start on the settings; one line per reason."""
    return find_problems(Use.SERVER) + address_problems()
