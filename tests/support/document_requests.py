"""Requests of any form on every transport of a server: the first answer, as data or as a code."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.support.transport_ws import open_peer
from tests.support.waiting import TIMEOUT_SECONDS

Send = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Sends a request to the address of a server; returns its content."""

HEADERS = {"Authorization": "Token main", "X-Requested-With": "x"}
SHEET = b"product__sku,quantity,division__erp_code\nSKU01,3,ERP01\n"


async def post(url: str, body: dict[str, Any]) -> Any:
    """Sends JSON."""
    async with httpx.AsyncClient(headers=HEADERS, timeout=TIMEOUT_SECONDS) as client:
        return (await client.post(url, json=body)).json()


async def get(url: str, body: dict[str, Any]) -> Any:
    """Sends the parameters of an address."""
    parameters = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in body.items()
    }
    async with httpx.AsyncClient(headers=HEADERS, timeout=TIMEOUT_SECONDS) as client:
        return (await client.get(url, params=parameters)).json()


async def upload(url: str, body: dict[str, Any]) -> Any:
    """Sends a form with a sheet as the variable `file`."""
    operations = json.dumps(body | {"variables": {"file": None}})
    form = {"operations": operations, "map": json.dumps({"0": ["variables.file"]})}
    async with httpx.AsyncClient(headers=HEADERS, timeout=TIMEOUT_SECONDS) as client:
        response = await client.post(url, data=form, files={"0": ("a.csv", SHEET)})
        return response.json()


async def sse(url: str, body: dict[str, Any]) -> Any:
    """Sends JSON, accepts server-sent events alone, and returns the first event."""
    return await _first(url, body, "text/event-stream", b"\n\n")


async def multipart(url: str, body: dict[str, Any]) -> Any:
    """Sends JSON, accepts parts, and returns the first part."""
    accept = "multipart/mixed;subscriptionSpec=1.0, application/json"
    content = await _first(url, body, accept, b"\r\n--graphql")
    return content.get("payload", content)


async def _first(url: str, body: dict[str, Any], accept: str, end: bytes) -> Any:
    headers, data = HEADERS | {"Accept": accept}, b""
    async with (
        httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
        client.stream("POST", url, json=body, headers=headers) as response,
    ):
        async for piece in response.aiter_bytes():
            data += piece
            # The first bytes are the beginning of the stream alone.
            if b"{" in data and data.endswith(end):
                break
    return json.loads(data[data.index(b"{") : data.rindex(b"}") + 1])


async def websocket(url: str, body: dict[str, Any]) -> Any:
    """Begins an operation, and returns its first result or its error."""
    async with open_peer(url.replace("http:", "ws:")) as peer:
        await peer.initialise()
        await peer.send(id="1", type="subscribe", payload=body)
        message = await peer.receive()
    content = message["payload"]
    return content if message["type"] == "next" else {"errors": content}


def outcome(content: Any) -> str:
    """Returns the name of the root field of a result, or the code of its one error."""
    if "errors" in content:
        (error,) = content["errors"]
        code: str = error["extensions"]["code"]
        return code
    (field,) = content["data"]
    return str(field)
