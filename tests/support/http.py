"""HTTP requests of tests that are not asynchronous."""

from functools import cache

import httpx

from tests.support.waiting import TIMEOUT_SECONDS


@cache
def client() -> httpx.Client:
    """Returns the client for all requests, each on a connection of its own.

    A new client reads all certificates of the machine, which takes 20 ms of processor time.
    """
    return httpx.Client(
        timeout=TIMEOUT_SECONDS, limits=httpx.Limits(max_keepalive_connections=0)
    )
