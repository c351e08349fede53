"""The certificates that clients of httpx trust, read once in a process."""

import ssl
from functools import cache
from typing import Any

from httpx import create_ssl_context


def create_context(
    verify: ssl.SSLContext | str | bool = True, cert: Any = None, trust_env: bool = True
) -> ssl.SSLContext:
    """Returns the context of a client; those without options of their own share one."""
    if verify is True and cert is None:
        return _default(trust_env)
    return create_ssl_context(verify, cert, trust_env)


@cache
def _default(trust_env: bool) -> ssl.SSLContext:
    return create_ssl_context(trust_env=trust_env)
