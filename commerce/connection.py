"""How Commerce is asked over HTTP: one session, bounded in time, size, number of requests and of hops."""

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

from commerce.errors import CommerceFailed, PassingFailure
from commerce.pause import MAXIMUM_PAUSE, requested_pause

MAXIMUM_BODY_BYTES = 8_000_000
MAXIMUM_HOPS = 5
FIRST_PAUSE = 0.1

CALLS = Histogram(
    "basket_commerce_seconds",
    "How long single requests to Commerce took, by outcome.",
    ["outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_OUTCOMES = {2: "answered", 3: "redirected", 4: "rejected", 5: "failed"}
_REDIRECTS = (301, 302, 303, 307, 308)
_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class _Answer:
    """A body, the address of somewhere else, or neither: what was asked for is not there."""

    body: bytes | None = None
    location: str | None = None


class Connection:
    """Asks Commerce for JSON, patiently but never for ever."""

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
        # To aiohttp a timeout of 0 is none at all, and no slots are a wait without an end.
        if timeout <= 0 or retries < 0 or concurrency < 1:
            raise ValueError(
                "Commerce needs a timeout above 0, no negative retries and a concurrency of at least 1."
            )
        self._base = _base_address(url, token=token)
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
                limit=self._concurrency, ssl=_tls(self._ca_file)
            ),
            proxy=self._proxy,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            headers=self._headers,
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
        """Bound one logical read, with all its batches, pages, hops, retries and pauses."""
        seconds = self._timeout * (self._retries + 1) + MAXIMUM_PAUSE
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise CommerceFailed(
                f"Commerce did not answer completely within {seconds:g} seconds."
            ) from None

    async def read(self, path: str, query: Mapping[str, str]) -> Any | None:
        """Return the JSON at the path, or None if it is not there or has gone to another host."""
        url = self._base.joinpath(path)
        for _ in range(MAXIMUM_HOPS + 1):
            # The question goes along at every hop: a redirect that forgot the segment would answer another price.
            answer = await self._ask_again(url.update_query(query))
            if answer.location is None:
                return None if answer.body is None else _json(answer.body)
            next_url = self._next_address(url, answer.location)
            if next_url is None:
                return None
            url = next_url
        raise CommerceFailed(f"Commerce redirected more than {MAXIMUM_HOPS} times.")

    def _next_address(self, url: URL, location: str) -> URL | None:
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

    async def _ask_again(self, url: URL) -> _Answer:
        for attempt in range(self._retries):
            try:
                return await self._ask_once(url)
            except PassingFailure as failure:
                await asyncio.sleep(
                    _backoff(attempt) if failure.pause is None else failure.pause
                )
        return await self._ask_once(url)

    async def _ask_once(self, url: URL) -> _Answer:
        if self._session is None:
            raise CommerceFailed("The Commerce client is not open.")
        began, outcome = perf_counter(), "cancelled"
        try:
            async with self._slots:
                began = perf_counter()
                async with self._session.get(url, allow_redirects=False) as response:
                    outcome = _OUTCOMES.get(response.status // 100, "failed")
                    return await _answer(response)
        except TimeoutError:
            outcome = "timeout"
            raise PassingFailure(
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
            # aiohttp documents ClientError alone, yet lets some of its parsers' and a closing session's errors through.
            # Their texts hold the address: only the name of the error is passed on.
            outcome = "unreadable"
            raise PassingFailure(
                f"Commerce could not be read ({type(error).__name__})."
            ) from error
        finally:
            CALLS.labels(outcome).observe(perf_counter() - began)


def _tls(ca_file: str) -> ssl.SSLContext | bool:
    """Returns how certificates are verified: by the CAs of the system and those of a file."""
    if not ca_file:
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=ca_file)
    return context


def _base_address(url: str, *, token: str) -> URL:
    base = URL(url)
    if (
        base.scheme not in ("http", "https")
        or not base.host
        or base.query_string
        or base.fragment
    ):
        raise ValueError(
            "The address of Commerce must be like https://host/path, without a query or a fragment."
        )
    if base.user is not None and token:
        raise ValueError(
            "The address of Commerce must not hold a user when there is a token."
        )
    return base


def _backoff(attempt: int) -> float:
    return float(min(FIRST_PAUSE * 2**attempt, MAXIMUM_PAUSE) * _random.uniform(0.5, 1.0))


async def _answer(response: aiohttp.ClientResponse) -> _Answer:
    if response.status == HTTPStatus.OK:
        return _Answer(body=await _body(response))
    if response.status == HTTPStatus.NOT_FOUND:
        return _Answer()
    if response.status in _REDIRECTS and "Location" in response.headers:
        return _Answer(location=response.headers["Location"])
    if response.status == HTTPStatus.TOO_MANY_REQUESTS or response.status >= 500:
        pause = requested_pause(response.headers.get("Retry-After"))
        raise PassingFailure(
            f"Commerce answered with status {response.status}.", pause=pause
        )
    raise CommerceFailed(f"Commerce answered with status {response.status}.")


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    # Pieces arrive decompressed, so the limit also holds for what was sent small and grows.
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAXIMUM_BODY_BYTES:
            raise CommerceFailed(
                f"Commerce answered with more than {MAXIMUM_BODY_BYTES} bytes."
            )
    return bytes(body)


def _json(body: bytes) -> Any:
    # The standard parser, not orjson: one lone surrogate in one name must not spoil a page of a hundred products.
    try:
        value = json.loads(body, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise CommerceFailed("Commerce answered with what is not JSON.") from None
    if value is None:
        raise CommerceFailed("Commerce answered with null.")
    return value


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
