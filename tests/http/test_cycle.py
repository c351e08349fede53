"""A whole response leaves in one write, and is otherwise as uvicorn writes it."""

import asyncio
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from web.http.cycle import CycleProtocol, send_whole

HEAD = b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 2\r\n"


class Wire(asyncio.Transport):
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: Any) -> None:
        """Keeps one write."""
        self.writes.append(bytes(data))

    def writelines(self, pieces: Any) -> None:
        """Keeps one write of several pieces."""
        self.writes.append(b"".join(pieces))

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.is_closed

    def pause_reading(self) -> None:
        """Has nothing more to be read."""

    def resume_reading(self) -> None:
        """Has nothing more to be read."""

    def close(self) -> None:
        """Closes it."""
        self.is_closed = True


async def answer(
    data: bytes, application: ASGIApp, protocol: type[HttpToolsProtocol] = CycleProtocol
) -> Wire:
    """Returns the connection after a request to an application."""
    config = Config(application, log_config=None, proxy_headers=False, interface="asgi3")
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"today")]
    connection = protocol(config, state, {})
    # pytest's handlers would have uvicorn log each request.
    connection.access_log = False
    wire = Wire()
    connection.connection_made(wire)
    connection.data_received(data)
    while state.tasks:
        await asyncio.gather(*state.tasks)
    is_closed = wire.is_closed
    connection.connection_lost(None)
    wire.is_closed = is_closed
    return wire


def responding(
    *headers: tuple[bytes, bytes], status: int = 200, body: bytes = b"{}"
) -> Any:
    """Returns an application that answers each request alike, in one piece."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send_whole(send, status, list(headers), body)

    return application


LENGTH = (b"content-length", b"2")


async def test_head_and_body_are_one_write() -> None:
    wire = await answer(b"GET / HTTP/1.1\r\n\r\n", responding(LENGTH))
    assert wire.writes == [HEAD + b"\r\n{}"]
    assert not wire.is_closed


@pytest.mark.parametrize(
    ("request_line", "status", "headers", "body"),
    [
        (b"GET /%C3%BC?a=b HTTP/1.1\r\n", 200, [LENGTH], b"{}"),
        (b"HEAD / HTTP/1.1\r\n", 200, [LENGTH], b"{}"),
        (b"GET / HTTP/1.0\r\n", 200, [LENGTH], b"{}"),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n", 200, [LENGTH], b"{}"),
        (b"GET / HTTP/1.1\r\n", 200, [LENGTH, (b"connection", b"close")], b"{}"),
        (b"GET / HTTP/1.1\r\n", 304, [(b"etag", b'"1"')], b""),
        (b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n", 200, [LENGTH], b"{}"),
    ],
)
async def test_the_bytes_are_those_of_uvicorn(
    request_line: bytes, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    application = responding(*headers, status=status, body=body)
    ours = await answer(request_line + b"\r\n", application)
    theirs = await answer(request_line + b"\r\n", application, HttpToolsProtocol)
    assert b"".join(ours.writes) == b"".join(theirs.writes)
    assert ours.is_closed is theirs.is_closed


async def test_a_header_with_a_line_break_is_not_sent() -> None:
    wire = await answer(
        b"GET / HTTP/1.1\r\n\r\n", responding(LENGTH, (b"vary", b"a\r\nset-cookie: b"))
    )
    assert b"set-cookie" not in b"".join(wire.writes)
    assert wire.writes[0].startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


async def test_a_failure_between_head_and_body_is_answered() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        async def interrupt(message: Any) -> None:
            if message["type"] == "http.response.body":
                raise ValueError("lost")
            await send(message)

        await send_whole(interrupt, 200, [LENGTH], b"{}")

    wire = await answer(b"GET / HTTP/1.1\r\n\r\n", application)
    assert wire.writes[0].startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
