"""No test depends on how fast the machine is: what waits for something real waits for minutes."""

import ast
from collections.abc import Iterator
from pathlib import Path

from settings import ROOT

CLIENTS = ("httpx.AsyncClient", "httpx.Client")
"""Clients that give up after five seconds unless they are told otherwise."""
TIMEOUTS = ("asyncio.timeout", "asyncio.wait_for", "aiohttp.ClientTimeout")


def calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yields the calls in a file, each with the name of what is called."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def is_impatient(name: str, call: ast.Call) -> bool:
    """Tells whether a call waits for a number of seconds that it says itself, or by default."""
    words = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in CLIENTS:
        timeout = words.get("timeout")
        # The application in this process has no timeout.
        return "transport" not in words and (timeout is None or _is_number(timeout))
    values = [*call.args, *words.values()]
    return name in TIMEOUTS and any(map(_is_number, values))


def _is_number(value: ast.expr) -> bool:
    """Tells whether a value is a number of seconds; a fraction of one is there to pass."""
    number = value.value if isinstance(value, ast.Constant) else None
    return isinstance(number, int | float) and 1 <= number < 60


def impatient_calls(folder: Path) -> Iterator[str]:
    """Yields where a folder's tests would fail on a busy machine."""
    for file in sorted(folder.rglob("*.py")):
        for name, call in calls(file):
            if is_impatient(name, call):
                yield f"{file.relative_to(ROOT)}:{call.lineno}: {name}"


def test_whatever_waits_waits_for_minutes() -> None:
    assert list(impatient_calls(ROOT / "tests")) == []
