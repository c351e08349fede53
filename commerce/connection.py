"""Requests to Commerce over HTTP: one session, bounded in time, size, requests and redirects."""

import asyncio
import json
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from random import SystemRandom
from time import perf_counter
from typing import Any, NoReturn, Self

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import Histogram
from yarl import URL

from commerce.errors import CommerceFailed, TransientFailure
from commerce.pause import MAXIMUM_PAUSE, parse_pause
from response_body import read_bounded

MAXIMUM_BODY_BYTES = 8_000_000
MAXIMUM_REDIRECTS = 5
FIRST_PAUSE = 0.1
"""The first pause between two attempts, in seconds; each further one is twice as long."""

CALLS = Histogram(
    "basket_commerce_seconds",
    "Seconds per request to Commerce, by outcome.",
    ["outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_OUTCOMES = {2: "answered", 3: "redirected", 4: "rejected", 5: "failed"}
_REDIRECTS = (301, 302, 303, 307, 308)
_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class _Response:
    """A body, the location of a redirect, or neither: the resource is not there."""

    body: bytes | None = None
    location: str | None = None


class Connection:
    """Reads JSON from Commerce, with retries, within a deadline."""

    def __init__(
        self,
        url: str,
        *,
        token: str,
        timeout: float,
        retries: int,
        concurrency: int,
        traces: Sequence[aiohttp.TraceConfig] = (),
        proxy: str = "",
        ca_file: str = "",
    ) -> None:
        # To aiohttp a timeout of 0 is none at all, and a semaphore of 0 waits for ever.
        if timeout <= 0 or retries < 0 or concurrency < 1:
            raise ValueError(
                "Commerce needs a timeout above 0, no negative retries "
                "and a concurrency of at least 1."
            )
        self._base = _parse_base_address(url, token=token)
        self._headers = {"Accept": "application/json"} | (
            {"Authorization": f"Token {token}"} if token else {}
        )
        self._timeout = timeout
        self._retries = retries
        self._concurrency = concurrency
        self._traces = list(traces)
        self._proxy = URL(proxy) if proxy else None
        self._ca_file = ca_file
        self._slots = asyncio.Semaphore(concurrency)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._concurrency, ssl=_tls_verification(self._ca_file)
            ),
            proxy=self._proxy,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            headers=self._headers,
            # A cookie set for one buyer would go out with the requests for all others.
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=self._traces,
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def deadline(self) -> AsyncIterator[None]:
        """Bounds one read with all its batches, pages, redirects, retries and pauses."""
        seconds = self._timeout * (self._retries + 1) + MAXIMUM_PAUSE
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise CommerceFailed(
                f"Commerce did not answer completely within {seconds:g} seconds."
            ) from None

    async def read(self, path: str, query: Mapping[str, str]) -> Any | None:
        """Returns the JSON at a path; None when it is not there or was moved to another host."""
        url = self._base.joinpath(path)
        for _ in range(MAXIMUM_REDIRECTS + 1):
            # The query is repeated at each redirect: without the segment the price is another.
            response = await self._request(url.update_query(query))
            if response.location is None:
                return None if response.body is None else _parse_json(response.body)
            next_url = self._follow(url, response.location)
            if next_url is None:
                return None
            url = next_url
        raise CommerceFailed(f"Commerce redirected more than {MAXIMUM_REDIRECTS} times.")

    def _follow(self, url: URL, location: str) -> URL | None:
        try:
            target = url.join(URL(location))
        except ValueError:
            raise CommerceFailed("Commerce redirected to what is no address.") from None
        if (target.scheme, target.host, target.port) != (
            self._base.scheme,
            self._base.host,
            self._base.port,
        ):
            return None
        # A user in the address would become an Authorization header of its own.
        return target.with_user(self._base.user).with_password(self._base.password)

    async def _request(self, url: URL) -> _Response:
        for attempt in range(self._retries):
            try:
                return await self._request_once(url)
            except TransientFailure as failure:
                await asyncio.sleep(
                    _choose_pause(attempt) if failure.pause is None else failure.pause
                )
        return await self._request_once(url)

    async def _request_once(self, url: URL) -> _Response:
        if self._session is None:
            raise CommerceFailed("The Commerce client is not open.")
        began, outcome = perf_counter(), "cancelled"
        try:
            async with self._slots:
                # The wait for a slot is no time of Commerce's.
                began = perf_counter()
                async with self._session.get(url, allow_redirects=False) as response:
                    outcome = _OUTCOMES.get(response.status // 100, "failed")
                    return await _read_response(response)
        except TimeoutError:
            outcome = "timeout"
            raise TransientFailure(
                f"Commerce did not answer within {self._timeout:g} seconds."
            ) from None
        except (
            aiohttp.ClientError,
            HttpProcessingError,
            OSError,
            ValueError,
            RuntimeError,
            zlib.error,
        ) as error:
            # aiohttp documents ClientError alone, yet lets errors of its parsers and of a closing
            # session through. Their texts hold the address: only their name is passed on.
            outcome = "unreadable"
            raise TransientFailure(
                f"Commerce could not be read ({type(error).__name__})."
            ) from error
        finally:
            CALLS.labels(outcome).observe(perf_counter() - began)


def _tls_verification(ca_file: str) -> ssl.SSLContext | bool:
    """Returns the verification of certificates: by the CAs of the system and those of a file."""
    if not ca_file:
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=ca_file)
    return context


def _parse_base_address(url: str, *, token: str) -> URL:
    base = URL(url)
    if (
        base.scheme not in ("http", "https")
        or not base.host
        or base.query_string
        or base.fragment
    ):
        raise ValueError(
            "The address of Commerce must be like https://host/path, "
            "without a query or a fragment."
        )
    if base.user is not None and token:
        raise ValueError(
            "The address of Commerce must not hold a user when there is a token."
        )
    return base


def _choose_pause(attempt: int) -> float:
    # Random, so that servers that failed together do not ask again together.
    return float(min(FIRST_PAUSE * 2**attempt, MAXIMUM_PAUSE) * _random.uniform(0.5, 1.0))


async def _read_response(response: aiohttp.ClientResponse) -> _Response:
    if response.status == HTTPStatus.OK:
        return _Response(body=await _read_page(response))
    if response.status == HTTPStatus.NOT_FOUND:
        return _Response()
    if response.status in _REDIRECTS and "Location" in response.headers:
        return _Response(location=response.headers["Location"])
    if response.status == HTTPStatus.TOO_MANY_REQUESTS or response.status >= 500:
        pause = parse_pause(response.headers.get("Retry-After"))
        raise TransientFailure(
            f"Commerce answered with status {response.status}.", pause=pause
        )
    raise CommerceFailed(f"Commerce answered with status {response.status}.")


async def _read_page(response: aiohttp.ClientResponse) -> bytes:
    body = await read_bounded(response, MAXIMUM_BODY_BYTES)
    if body is None:
        raise CommerceFailed(
            f"Commerce answered with more than {MAXIMUM_BODY_BYTES} bytes."
        )
    return body


def _parse_json(body: bytes) -> Any:
    # Not orjson: it rejects a page of a hundred products for a lone surrogate in one name.
    try:
        value = json.loads(body, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise CommerceFailed("Commerce answered with what is not JSON.") from None
    if value is None:
        raise CommerceFailed("Commerce answered with null.")
    return value


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
