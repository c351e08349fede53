"""A real browser: headless Chromium, driven over its own debugging protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.waiting import TIMEOUT_SECONDS

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --remote-debugging-port=0 --window-size=1400,900"
).split()


class Page:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.numbers = count(1)

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command and returns its result."""
        number = next(self.numbers)
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer: dict[str, Any] = await self.socket.receive_json(timeout=TIMEOUT_SECONDS)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    async def value(self, expression: str) -> Any:
        """Evaluates an expression in the page."""
        result = await self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True
        )
        return result["result"].get("value")

    async def set_files(self, selector: str, *files: Path) -> None:
        """Chooses files in an input, as a person would in the dialog."""
        document = await self.send("DOM.getDocument")
        node = await self.send(
            "DOM.querySelector", nodeId=document["root"]["nodeId"], selector=selector
        )
        await self.send(
            "DOM.setFileInputFiles",
            nodeId=node["nodeId"],
            files=[str(file) for file in files],
        )

    async def press(self, key: str, code: int) -> None:
        """Presses a key, by its name and its number on Windows, which is what browsers go by."""
        for kind in ("keyDown", "keyUp"):
            await self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
            )

    async def settle(self) -> None:
        """Waits until the page has worked off its events, and what follows from them."""
        expression = "new Promise(done => setTimeout(done, 100))"
        await self.send("Runtime.evaluate", expression=expression, awaitPromise=True)

    async def until(self, expression: str) -> Any:
        """Waits until an expression is true in the page, and returns it."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not (value := await self.value(expression)):
                await asyncio.sleep(0.1)
        return value


async def _debugging_port(profile: Path) -> int:
    note = profile / "DevToolsActivePort"
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not note.exists() or "\n" not in note.read_text():
            await asyncio.sleep(0.1)
    return int(note.read_text().splitlines()[0])


@asynccontextmanager
async def open_page(executable: str, profile: Path) -> AsyncIterator[Page]:
    """Starts the browser with an empty profile and opens a blank page."""
    async with open_pages(executable, profile, 1) as (page,):
        yield page


@asynccontextmanager
async def open_pages(
    executable: str, profile: Path, number: int
) -> AsyncIterator[list[Page]]:
    """Starts the browser with an empty profile and opens blank pages, each in a window."""
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        executable,
        *FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=quiet,
        stderr=quiet,
    )
    try:
        port = await _debugging_port(profile)
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            yield [
                Page(
                    await stack.enter_async_context(session.ws_connect(url, max_msg_size=0))
                )
                for url in await _page_addresses(session, port, number)
            ]
    finally:
        process.kill()
        await process.wait()


async def _page_addresses(
    session: aiohttp.ClientSession, port: int, number: int
) -> list[str]:
    """Returns the addresses of so many pages, opening those beyond the first."""
    api = f"http://127.0.0.1:{port}/json"
    async with session.get(f"{api}/list") as answer:
        targets = [each for each in await answer.json() if each["type"] == "page"][:1]
    while len(targets) < number:
        async with session.put(f"{api}/new?about:blank") as answer:
            targets.append(await answer.json())
    return [target["webSocketDebuggerUrl"] for target in targets]
