"""Exports, as the tests ask for them and wait for them."""

import asyncio
import time
from pathlib import Path
from typing import Any

from tasks.exports.marker import PREFIX
from tests.support.service import Caller
from tests.support.waiting import TIMEOUT_SECONDS

EXPORT = "export { cacheKey status isReady url format fields rowsWritten rowsTotal failure createdAt expiresAt }"
STATE = (
    "query State($key: String!) { basketExport(cacheKey: $key) "
    "{ cacheKey status isReady url format fields rowsWritten rowsTotal failure createdAt expiresAt } }"
)


async def fill(caller: Caller, **more: Any) -> str:
    """Adds two products, the first for two divisions, and returns the basket's id."""
    items = [
        {"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 2},
        {"productRemoteId": 2, "divisionErpCode": "ERP02", "quantity": 3},
        {"productRemoteId": 1, "divisionErpCode": "ERP02", "quantity": 4},
    ]
    return str((await caller.accepted("basketItemsAdd", items=items, **more))["id"])


async def ask(caller: Caller, **given: Any) -> dict[str, Any]:
    """Asks for an export that must be accepted."""
    payload = await caller.change("basketExport", EXPORT, **given)
    assert payload["userErrors"] == [], payload
    export: dict[str, Any] = payload["export"]
    return export


async def rejected(caller: Caller, **given: Any) -> list[tuple[str, list[str]]]:
    """Asks for an export that must be rejected, and returns codes and paths."""
    payload = await caller.change("basketExport", EXPORT, **given)
    assert payload["export"] is None
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def state(caller: Caller, key: str) -> dict[str, Any]:
    """Reads the state of the caller's export."""
    export: dict[str, Any] = (await caller.query(STATE, key=key))["basketExport"]
    return export


async def ended(caller: Caller, key: str) -> dict[str, Any]:
    """Waits until an export is completed or failed, and returns it."""
    limit = time.monotonic() + TIMEOUT_SECONDS
    while (export := await state(caller, key))["status"] in ("WAITING", "PROCESSING"):
        assert time.monotonic() < limit, export
        await asyncio.sleep(0.05)
    return export


async def completed(caller: Caller, **given: Any) -> dict[str, Any]:
    """Asks for an export and waits until it is completed."""
    export = await ended(caller, (await ask(caller, **given))["cacheKey"])
    assert export["status"] == "COMPLETED", export
    return export


def files_of(folder: Path) -> list[str]:
    """Lists the names in a folder, without the marker by which servers recognise it."""
    paths = folder.iterdir() if folder.exists() else ()
    return sorted(path.name for path in paths if not path.name.startswith(PREFIX))
