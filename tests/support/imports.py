"""Imports of files by GraphQL."""

import json
from typing import Any

import httpx

from tests.support.service import BASKET, Caller

WHOLE = "basket { ...Whole }"


def document(selection: str) -> str:
    """Writes the mutation's document."""
    report = "report { rowsRead rowsImported rowErrors { row column value code message } }"
    return (
        f"mutation Import($input: BasketImportInput!) {{ basketImport(input: $input) {{ {selection} {report} "
        f"userErrors {{ code message field }} }} }} {BASKET if 'Whole' in selection else ''}"
    )


async def post(
    caller: Caller, content: bytes, selection: str = WHOLE, **given: Any
) -> httpx.Response:
    """Sends a file as the multipart request specification says."""
    variables = {"input": given | {"file": None}}
    return await caller.client.post(
        "/graphql",
        data={
            "operations": json.dumps(
                {"query": document(selection), "variables": variables}
            ),
            "map": json.dumps({"0": ["variables.input.file"]}),
        },
        files={"0": ("basket.xls", content)},
        headers={"Authorization": f"Token {caller.token}", "X-Requested-With": "test"},
    )


async def send(
    caller: Caller, content: bytes, selection: str = WHOLE, **given: Any
) -> dict[str, Any]:
    """Sends a file and returns the payload."""
    answer = (await post(caller, content, selection, **given)).json()
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["basketImport"]
    return payload


ROWS = [
    ["SKU01", 2, "ERP02"],
    ["SKU01", 1, "ERP01"],
    ["SKU02", 2, "ERP02"],
    ["SKU03", 1, "ERP01"],
]
