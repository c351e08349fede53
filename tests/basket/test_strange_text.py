"""Texts and numbers that no one types, in every argument and input that takes one: rejected, never a fault."""

import json
from typing import Any

from tests.support.service import Service

TEXTS = [
    "\0",
    "a\0b",
    "\ud800",
    "\u202e",
    "\x07",
    "x" * 100_000,
    "'; DROP TABLE basket; --",
    "%",
    "\\",
    "🏃",
]
TEXTS += [
    "",
    "\u200b",
    "\u200c",
    "\u00a0",
    "\u2028",
    "\ufffe",
    "\U0010ffff",
    "👨\u200d👩\u200d👧",
    "a,b",
]
ADD_ITEM = (
    "mutation ($%s: %s) { basketItemsAdd(input: {items: [{%s}]}) { userErrors { code } } }"
)
QUERIES = [
    "query ($t: String) { product(sku: $t) { sku } }",
    "query ($t: String!) { basketExport(cacheKey: $t) { cacheKey } }",
    "query ($t: ID!) { basket(id: $t) { id } }",
    "query ($t: String) { draftBaskets(after: $t) { totalCount } }",
    "query ($t: String) { quotations(after: $t) { totalCount } }",
    "query ($t: String) { activeBasket { itemsPage(after: $t) { totalCount } } }",
    "mutation ($t: String!) { basketSave(input: {name: $t}) { userErrors { code } } }",
    "mutation ($t: String!) { quotationRequest(input: {name: $t}) { userErrors { code } } }",
    "mutation ($t: String!) { basketClear(input: {idempotencyKey: $t}) { userErrors { code } } }",
    "mutation ($t: ID!) { basketDelete(input: {basketId: $t}) { userErrors { code } } }",
    "mutation ($t: ID!) { basketLoad(input: {basketId: $t}) { userErrors { code } } }",
    ADD_ITEM % ("t", "String!", 'sku: $t, divisionErpCode: "ERP01"'),
    ADD_ITEM % ("t", "String!", 'sku: "SKU01", divisionErpCode: $t'),
    ADD_ITEM % ("t", "ID!", 'sku: "SKU01", divisionId: $t'),
]
NUMBERS = [
    2**31,
    -(2**31) - 1,
    2**63,
    -(2**63),
    10**30,
    1.5,
    1e300,
    -1,
    0,
    2**31 - 1,
    -(2**31),
]
NUMBER_QUERIES = [
    "query ($n: Int) { activeBasket(segmentRemoteId: $n) { id } }",
    "query ($n: Int) { product(remoteId: $n) { sku } }",
    "query ($n: Int) { draftBaskets(first: $n) { totalCount } }",
    "query ($n: Int!) { activeBasket { item(productRemoteId: $n) { price } } }",
    "mutation ($n: Int) { basketClear(input: {segmentRemoteId: $n}) { userErrors { code } } }",
    "mutation ($n: Int) { basketClear(input: {expectedVersion: $n}) { userErrors { code } } }",
    ADD_ITEM % ("n", "Int!", 'productRemoteId: $n, divisionErpCode: "ERP01"'),
    ADD_ITEM % ("n", "Int!", 'sku: "SKU01", divisionErpCode: "ERP01", quantity: $n'),
]


async def send(service: Service, document: str, variables: dict[str, Any]) -> None:
    """Sends an operation, which must not be a fault of ours."""
    body = json.dumps({"query": document, "variables": variables})
    headers = {"Authorization": "Token main", "Content-Type": "application/json"}
    response = await service.client.post("/graphql", content=body.encode(), headers=headers)
    assert response.status_code in (200, 400), (document, variables, response.text)
    assert "INTERNAL_SERVER_ERROR" not in response.text, (
        document,
        variables,
        response.text,
    )


async def test_no_text_is_a_fault(service: Service) -> None:
    for document in QUERIES:
        for text in TEXTS:
            await send(service, document, {"t": text})


async def test_no_number_is_a_fault(service: Service) -> None:
    for document in NUMBER_QUERIES:
        for number in NUMBERS:
            await send(service, document, {"n": number})
