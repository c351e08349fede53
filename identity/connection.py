"""Requests to identity providers over HTTP: bounded in time and size, without redirects."""

import json
import re
import ssl
from typing import Any, NamedTuple, Self

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from identity.errors import ProviderFailed
from response_body import read_bounded

TIMEOUT_SECONDS = 5.0
"""Timeout of one request."""
MAXIMUM_BODY_BYTES = 1_000_000
LONGEST_AGE = 3_600
"""Seconds after which keys are read anew, whatever the provider allows: it may withdraw one."""
SHORTEST_AGE, USUAL_AGE = 60, 300
"""Seconds until then at the least, and where the provider says nothing."""
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,12})", re.IGNORECASE | re.ASCII)


class ProviderDocument(NamedTuple):
    """A JSON document, and the seconds for which it may be used."""

    content: Any
    seconds: int


class ProviderConnection:
    """Reads JSON from providers; an async context manager round one HTTP session."""

    def __init__(self, proxy: str = "", ca_file: str = "") -> None:
        self._proxy = proxy or None
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        tls: ssl.SSLContext | bool = True
        if self._ca_file:
            tls = ssl.create_default_context()
            tls.load_verify_locations(cafile=self._ca_file)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=4, ssl=tls),
            proxy=self._proxy,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            headers={"Accept": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def read(self, url: str) -> ProviderDocument:
        """Returns the document at an address; raises ProviderFailed."""
        if self._session is None:
            raise ProviderFailed(f"{url} was not asked: the process is stopping.")
        try:
            # A redirect could lead to an address without TLS; providers have no need of one.
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise ProviderFailed(f"{url} answered with status {response.status}.")
                body = await _read_document(response, url)
                cache_control = response.headers.get("Cache-Control", "")
        except TimeoutError:
            message = f"{url} did not answer within {TIMEOUT_SECONDS:g} seconds."
            raise ProviderFailed(message) from None
        except (
            aiohttp.ClientError,
            HttpProcessingError,
            OSError,
            ValueError,
            RuntimeError,
        ) as error:
            # aiohttp lets errors of its parsers, and of a closing session, through.
            raise ProviderFailed(
                f"{url} could not be read ({type(error).__name__})."
            ) from error
        return ProviderDocument(_parse_json(body, url), parse_age(cache_control))


async def _read_document(response: aiohttp.ClientResponse, url: str) -> bytes:
    body = await read_bounded(response, MAXIMUM_BODY_BYTES)
    if body is None:
        raise ProviderFailed(f"{url} answered with more than {MAXIMUM_BODY_BYTES} bytes.")
    return body


def _parse_json(body: bytes, url: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderFailed(f"{url} answered with what is not JSON.") from None


def parse_age(cache_control: str) -> int:
    """Returns the seconds of `max-age`, within our bounds; the usual ones without it."""
    stated = _MAX_AGE.search(cache_control)
    if stated is None:
        return USUAL_AGE
    return min(max(int(stated[1]), SHORTEST_AGE), LONGEST_AGE)
