"""A real HTTP server on loopback that misbehaves as a test tells it to, and remembers what it was asked.

Each request gets the next answer of the script; the last answer is repeated for ever.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from isal import igzip

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """What was asked: the path, the query and the headers."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class MisbehavingCommerce:
    """The handle that a test holds: where the server is, what it answers, what it was asked."""

    url: str
    runner: web.AppRunner
    script: list[Answer] = field(default_factory=list)
    requests: list[ReceivedRequest] = field(default_factory=list)
    open_requests: int = 0
    most_open_requests: int = 0

    def answers(self, *script: Answer) -> None:
        """Set what the next requests are answered with; the last one is repeated."""
        self.script = list(script)

    async def stop(self) -> None:
        """Stop listening, so that connections are rejected."""
        await self.runner.cleanup()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Remember the request and give it the next answer of the script."""
        self.requests.append(
            ReceivedRequest(request.path, dict(request.query), dict(request.headers))
        )
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.open_requests += 1
        self.most_open_requests = max(self.most_open_requests, self.open_requests)
        try:
            return await answer(request)
        finally:
            self.open_requests -= 1


@asynccontextmanager
async def misbehaving_commerce(
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[MisbehavingCommerce]:
    """Serve a Commerce that answers 404 to everything until told otherwise, over TLS if there is a context."""
    application = web.Application()
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
    )
    commerce = MisbehavingCommerce(url="", runner=runner)
    commerce.answers(status(404))
    application.router.add_route("*", "/{path:.*}", commerce.handle)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        commerce.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
        yield commerce
    finally:
        await runner.cleanup()


def product_json(**changes: Any) -> dict[str, Any]:
    """Describe a product as Commerce does, with some fields changed."""
    return {
        "pk": 1,
        "sku": "SKU01",
        "name": "product name",
        "base_code": "SKU",
        "price": "10.55",
        "retail_price": None,
        "currency_type": "try",
        "in_stock": True,
        "stock": 3,
        "is_ready_to_basket": True,
        "attributes": {"color": "red"},
        "productimage_set": [
            {"image": "http://example.com/image.jpg", "order": 0, "status": "active"}
        ],
        "product_type": "simple",
    } | changes


def one_product(**changes: Any) -> Answer:
    """Answer the question for one product."""
    return json_value({"in_stock": True, "product": product_json(**changes)})


def listed(*products: object, next_page: object = None) -> Answer:
    """Answer the question for many products."""
    listing = {
        "count": len(products),
        "next": next_page,
        "previous": None,
        "results": list(products),
    }
    return json_value(listing)


def listed_as_asked(delay: float = 0.0) -> Answer:
    """Answer exactly the products asked for by pk."""

    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(delay)
        keys = [int(key) for key in request.query["pk__in"].split(",")]
        return await listed(*(product_json(pk=key, sku=f"SKU{key}") for key in keys))(
            request
        )

    return answer


def json_value(value: object) -> Answer:
    """Answer any JSON value."""
    return text(json.dumps(value), content_type="application/json")


def text(content: str, *, content_type: str = "text/html") -> Answer:
    """Answer any text with status 200."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=content, content_type=content_type)

    return answer


def status(code: int, **headers: str) -> Answer:
    """Answer a bare status; an underscore in the name of a header stands for a hyphen."""

    async def answer(request: web.Request) -> web.StreamResponse:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(
            status=code, text="<h1>status</h1>", content_type="text/html", headers=fields
        )

    return answer


def redirect(location: str, code: int = 302) -> Answer:
    """Answer with a redirect."""
    return status(code, Location=location)


def slow(seconds: float, then: Answer) -> Answer:
    """Answer late."""

    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await then(request)

    return answer


def huge(size: int) -> Answer:
    """Answer with a valid but enormous body."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(
            body=b'{"padding": "' + b"x" * size + b'"}', content_type="application/json"
        )

    return answer


def endless() -> Answer:
    """Answer with a body that never ends, a piece at a time."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    return answer


def gzip_bomb(size: int) -> Answer:
    """Answer with a small compressed body that grows to an enormous one."""
    return encoded(igzip.compress(b'{"padding": "' + b"x" * size + b'"}'), encoding="gzip")


def encoded(body: bytes, *, encoding: str) -> Answer:
    """Answer with a body and the encoding that it is said to have."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(
            body=body,
            content_type="application/json",
            headers={"Content-Encoding": encoding},
        )

    return answer


def raw_bytes(head_and_body: bytes) -> Answer:
    """Send these bytes instead of an HTTP answer and close the connection."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert isinstance(request.transport, asyncio.Transport)
        request.transport.write(head_and_body)
        request.transport.close()
        return web.Response()

    return answer


def truncated() -> Answer:
    """Promise a thousand bytes, send one, and close the connection."""
    return raw_bytes(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )


def reset() -> Answer:
    """Break the connection off before anything is answered."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert isinstance(request.transport, asyncio.Transport)
        request.transport.abort()
        return web.Response()

    return answer
