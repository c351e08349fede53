"""A TCP proxy that can go silent: it takes what is sent, and forwards nothing any longer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class SilentProxy:
    """Forwards to one port; `is_silent` concerns new connections, `silence()` those that are open."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.is_silent = False
        self.accepted = 0
        self._silent: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def silence(self) -> int:
        """Silences all open connections; returns their number."""
        self._silent |= self._open
        return len(self._open)

    async def accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Forwards a connection in both directions until one side closes it."""
        self.accepted += 1
        self._open.add(writer)
        if self.is_silent:
            self._silent.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_connection("127.0.0.1", self.target_port)
        # A task that ends as cancelled is reported as an error by asyncio's own streams.
        with suppress(asyncio.CancelledError):
            await self._forward_both(reader, writer, there, back)
        self._tasks.discard(task)

    async def _forward_both(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, back, writer))
                group.create_task(self._forward(there, writer, writer))
        finally:
            self._open.discard(writer)
            for each in (writer, back):
                each.close()

    async def _forward(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        key: asyncio.StreamWriter,
    ) -> None:
        with suppress(OSError):
            while content := await source.read(65_536):
                if key not in self._silent:
                    target.write(content)
                    await target.drain()
            if key not in self._silent:
                target.close()

    async def close(self) -> None:
        """Ends what is open."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def silent_proxy(target_port: int) -> AsyncIterator[SilentProxy]:
    """Runs a proxy in this process."""
    proxy = SilentProxy(target_port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
