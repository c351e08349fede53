"""Clients of server-sent events: of a server process, and of an application in this process."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import httpx
import orjson
from starlette.types import Message

from tests.support.service import ApplicationClient
from tests.support.waiting import TIMEOUT_SECONDS


class EventStream:
    """The events of one subscription."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.heartbeats = 0
        self.is_complete = False
        self._lines = response.aiter_lines()

    async def next(self) -> Any:
        """Waits for the next event and returns the value of its root field."""
        content = await self.next_content()
        assert content is not None, "The stream ended."
        assert "errors" not in content, content
        (value,) = content["data"].values()
        return value

    async def next_content(self) -> Any:
        """Waits for the next event and returns all of it; None at the end of the stream.

        Raises httpx.RemoteProtocolError when the stream is cut.
        """
        async with asyncio.timeout(TIMEOUT_SECONDS):
            async for line in self._lines:
                if line == ":":
                    self.heartbeats += 1
                if line == "event: complete":
                    self.is_complete = True
                if line.startswith("data: "):
                    return orjson.loads(line.removeprefix("data: "))
        return None


@asynccontextmanager
async def subscribe(
    url: str,
    document: str,
    token: str = "main",  # noqa: S107
    **variables: Any,
) -> AsyncIterator[EventStream]:
    """Subscribes at the address of a server."""
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS) as client:
        request = client.build_request(
            "POST",
            "/graphql",
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Token {token}", "Accept": "text/event-stream"},
        )
        response = await client.send(request, stream=True)
        async with aclosing(response):
            if response.is_error:
                await response.aread()
            # Held here: the response is closed with the last reference to its lines.
            stream = EventStream(response)
            yield stream


_EVENT = b"event: next\ndata: "


async def first_event(
    client: ApplicationClient, document: str, headers: Mapping[str, str]
) -> httpx.Response:
    """Subscribes, leaves after the first event, and returns that as a response of JSON.

    Without an event it returns the response as it came. httpx cannot do this: in this process it
    waits for the end of a response.
    """
    given = {"Content-Type": "application/json", "Accept": "text/event-stream", **headers}
    request = {"type": "http.request", "body": orjson.dumps({"query": document})}
    received: list[Message] = [request]
    sent: list[Message] = []
    has_event = asyncio.Event()

    async def receive() -> Message:
        if received:
            return received.pop()
        await has_event.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if _EVENT in message.get("body", b""):
            has_event.set()

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/graphql",
        "root_path": "",
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "headers": [(name.lower().encode(), each.encode()) for name, each in given.items()],
    }
    with suppress(asyncio.CancelledError):
        await client.asgi(scope, receive, send)
    start, *bodies = sent
    body = b"".join(message.get("body", b"") for message in bodies)
    kind = {key.decode(): each.decode() for key, each in start["headers"]}
    if _EVENT in body:
        body = body.partition(_EVENT)[2].partition(b"\n")[0]
        kind["content-type"] = "application/json"
    return httpx.Response(start["status"], headers=kind, content=body)
