"""The outcomes of lines in payloads, in short."""

from collections.abc import Mapping
from typing import Any

from tests.support.service import Caller

LINES = """acceptedCount outcomes {
  index status productRemoteId sku quantity division { erpCode } errors { code message field }
}"""
WITH_LINES = f"basket {{ ...Whole }} {LINES}"
WITH_REMOVED = f"removedItemIds {WITH_LINES}"


async def add(caller: Caller, *items: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """Adds lines, and returns the payload with the outcome of each."""
    return await caller.change("basketItemsAdd", WITH_LINES, items=list(items), **given)


async def put(caller: Caller, *items: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """Sets quantities, and returns the payload with the outcome of each line."""
    return await caller.change("basketItemsSet", WITH_REMOVED, items=list(items), **given)


def statuses(payload: dict[str, Any]) -> list[str]:
    """Returns the statuses of all lines, whose indexes must count up from 0."""
    assert [each["index"] for each in payload["outcomes"]] == list(
        range(len(payload["outcomes"]))
    )
    return [each["status"] for each in payload["outcomes"]]


def faults(payload: dict[str, Any]) -> dict[int, list[tuple[str, str]]]:
    """Returns the codes of rejected lines, each with the last part of its path, by index."""
    return {
        each["index"]: [(error["code"], error["field"][-1]) for error in each["errors"]]
        for each in payload["outcomes"]
        if each["errors"]
    }


def errors(payload: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Returns the codes and paths of the user errors."""
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


def named(payload: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Returns the keys and the quantity of each line, as they were understood."""
    return [
        (
            each["productRemoteId"],
            each["sku"],
            each["division"] and each["division"]["erpCode"],
            each["quantity"],
        )
        for each in payload["outcomes"]
    ]
