"""A real browser: headless Chromium, driven over its own debugging protocol."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.waiting import TIMEOUT_SECONDS, wait_until

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


@contextmanager
def running_browser(executable: str, profile: Path) -> Iterator[int]:
    """Starts the browser with an empty profile, and yields the port of its debugging protocol."""
    process = subprocess.Popen(
        [executable, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield _debugging_port(profile)
    finally:
        process.kill()
        process.wait()


def _debugging_port(profile: Path) -> int:
    note = profile / "DevToolsActivePort"
    wait_until(
        lambda: note.exists() and "\n" in note.read_text(), "The start of the browser"
    )
    return int(note.read_text().splitlines()[0])


@asynccontextmanager
async def open_page(port: int) -> AsyncIterator[Page]:
    """Opens a blank page with storage of its own, which is empty."""
    async with open_pages(port, 1) as (page,):
        yield page


@asynccontextmanager
async def open_pages(port: int, number: int) -> AsyncIterator[list[Page]]:
    """Opens blank pages that share storage of their own, which is empty."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        async with session.get(f"http://127.0.0.1:{port}/json/version") as answer:
            url = (await answer.json())["webSocketDebuggerUrl"]
        browser = Page(await stack.enter_async_context(session.ws_connect(url)))
        context = await browser.send("Target.createBrowserContext")
        pages = []
        for _ in range(number):
            target = await browser.send("Target.createTarget", url="about:blank", **context)
            url = f"ws://127.0.0.1:{port}/devtools/page/{target['targetId']}"
            socket = await stack.enter_async_context(
                session.ws_connect(url, max_msg_size=0)
            )
            pages.append(Page(socket))
        try:
            yield pages
        finally:
            await browser.send("Target.disposeBrowserContext", **context)
