"""A forward proxy of HTTP on loopback, as companies have them: with a login, and a list of all that went through it."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class ForwardProxy:
    """Passes requests on and tunnels through; `passed` has the request lines without their version."""

    def __init__(self, login: str = "") -> None:
        self.login = login
        self.url = ""
        self.passed: list[str] = []
        self.rejected = 0

    async def handle(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serves one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            await self._pass_on(head.decode("ascii"), reader, writer)
        writer.close()

    async def _pass_on(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        method, target, _ = head.partition("\r\n")[0].split()
        wanted = b64encode(self.login.encode()).decode()
        if (
            self.login
            and f"proxy-authorization: basic {wanted}".lower() not in head.lower()
        ):
            self.rejected += 1
            writer.write(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
            )
            return
        self.passed.append(f"{method} {target}")
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        there, to_there = await asyncio.open_connection(parts.hostname, parts.port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            to_there.write(head.replace(f"{parts.scheme}://{parts.netloc}", "", 1).encode())
        await asyncio.gather(_copy(reader, to_there), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def forward_proxy(login: str = "") -> AsyncIterator[ForwardProxy]:
    """Serves a proxy that asks for a login, USER:PASSWORD, unless it is empty."""
    proxy = ForwardProxy(login)
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy.url = f"http://{login}{'@' if login else ''}127.0.0.1:{port}"
    try:
        yield proxy
    finally:
        server.close()
