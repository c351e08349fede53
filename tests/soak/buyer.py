"""One buyer of the soak: a connection that reads, adds, saves, submits, imports and exports without a pause."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from commerce.catalogue import catalogue

PRODUCTS = tuple(number for number in range(101, 161) if number % 6 and number % 97)
"""What the demo catalogue sells in one currency."""
BASKET = (
    "{ id version totalAmount totalQuantity items { productRemoteId price quantity totalAmount product { sku name } "
    "divisions { quantity totalAmount division { erpCode } } } }"
)
READ = f"query Read {{ activeBasket {BASKET} }}"
DRAFTS = "query Drafts { draftBaskets(first: 20) { totalCount edges { node { id name totalAmount } } } }"
ADD = (
    "mutation Add($i: BasketItemsAddInput!) { basketItemsAdd(input: $i) "
    f"{{ basket {BASKET} userErrors {{ code }} }} }}"
)
SAVE = 'mutation Save { basketSave(input: {name: "Soak"}) { basket { id } userErrors { code } } }'
QUOTE = 'mutation Quote { quotationRequest(input: {name: "Soak"}) { quotation { number } userErrors { code } } }'
IMPORT = (
    "mutation Import($f: Upload!) { basketImport(input: {file: $f}) "
    "{ report { rowsImported } userErrors { code } } }"
)
EXPORT = "mutation Export { basketExport(input: {format: CSV}) { export { cacheKey } userErrors { code } } }"
STATE = "query State($k: String!) { basketExport(cacheKey: $k) { status failure url } }"
IMPORTED_ROWS = 20
MIX = {"read": 50, "drafts": 10, "add": 31, "save": 2, "quote": 2, "import": 1, "export": 4}
"""Of a hundred operations, how many are of which kind."""


class Wrong(Exception):
    """Raised when an answer is not what it should be."""


@dataclass
class Record:
    """How long each operation took, in seconds, by kind; what went wrong; and how many pieces were acknowledged."""

    seconds: dict[str, list[float]] = field(
        default_factory=lambda: {kind: [] for kind in MIX}
    )
    wrong: list[str] = field(default_factory=list)
    pieces: int = 0
    events: int = 0
    """The events that watchers were told."""


class Buyer:
    """A buyer with a connection of their own; the only one who changes their baskets."""

    def __init__(self, session: aiohttp.ClientSession, token: str, record: Record) -> None:
        self.session = session
        self.headers = {"Authorization": f"Token {token}", "X-Requested-With": "soak"}
        self.record = record
        self.random = random.Random(token)
        self.has_items = False

    async def run(self, until: float) -> None:
        """Carries out one operation after the other until a moment of the monotonic clock."""
        kinds, weights = list(MIX), list(MIX.values())
        while time.monotonic() < until:
            (kind,) = self.random.choices(kinds, weights) if self.has_items else ("add",)
            begin = time.monotonic()
            try:
                await self._operations[kind](self)
            except (
                Wrong,
                aiohttp.ClientError,
                TimeoutError,
                ValueError,
                KeyError,
                TypeError,
            ) as error:
                self.record.wrong.append(f"{kind}: {error!r}")
            self.record.seconds[kind].append(time.monotonic() - begin)

    async def _read(self) -> None:
        basket = (await self._ask(READ))["activeBasket"]
        if (
            not basket["items"]
            or sum(item["quantity"] for item in basket["items"]) != basket["totalQuantity"]
        ):
            raise Wrong(f"The basket does not add up: {basket}")

    async def _drafts(self) -> None:
        await self._ask(DRAFTS)

    async def _add(self) -> None:
        items = [
            {"productRemoteId": each, "divisionErpCode": "ERP02"}
            for each in self.random.sample(PRODUCTS, 2)
        ]
        await self._change(ADD, i={"items": items})
        self.record.pieces += 2
        self.has_items = True

    async def _save(self) -> None:
        await self._change(SAVE)
        self.has_items = False

    async def _quote(self) -> None:
        await self._change(QUOTE)
        self.has_items = False

    async def _import(self) -> None:
        lines = [
            f"{catalogue()[number].sku},1,ERP02"
            for number in self.random.sample(PRODUCTS, IMPORTED_ROWS)
        ]
        payload = self._accepted(await self._send(self._form(lines)))
        if payload["report"]["rowsImported"] != IMPORTED_ROWS:
            raise Wrong(f"Rows are missing: {payload}")
        self.record.pieces += IMPORTED_ROWS

    def _form(self, lines: list[str]) -> aiohttp.FormData:
        form = aiohttp.FormData()
        form.add_field(
            "operations", json.dumps({"query": IMPORT, "variables": {"f": None}})
        )
        form.add_field("map", '{"0": ["variables.f"]}')
        text = "\n".join(["product__sku,quantity,division__erp_code", *lines, ""])
        form.add_field("0", text.encode(), filename="basket.csv")
        return form

    async def _export(self) -> None:
        key = (await self._change(EXPORT))["export"]["cacheKey"]
        state = await self._ended(key)
        if state["status"] != "COMPLETED":
            raise Wrong(f"The export failed: {state}")
        async with self.session.get(state["url"]) as response:
            if response.status != 200 or not (await response.read()).startswith(
                b"\xef\xbb\xbfproduct__sku"
            ):
                raise Wrong(f"The file of an export answers with status {response.status}.")

    async def _ended(self, key: str) -> dict[str, Any]:
        """Asks ten times a second, as a page does that shows how far an export is."""
        while True:
            state: dict[str, Any] = (await self._ask(STATE, k=key))["basketExport"]
            if state["status"] not in ("WAITING", "PROCESSING"):
                return state
            await asyncio.sleep(0.1)

    async def _change(self, document: str, **variables: Any) -> dict[str, Any]:
        return self._accepted(await self._ask(document, **variables))

    def _accepted(self, data: dict[str, Any]) -> dict[str, Any]:
        (payload,) = data.values()
        if payload["userErrors"]:
            raise Wrong(f"A change was rejected: {payload}")
        return dict(payload)

    async def _ask(self, document: str, **variables: Any) -> dict[str, Any]:
        return await self._send(
            aiohttp.JsonPayload({"query": document, "variables": variables})
        )

    async def _send(self, body: aiohttp.JsonPayload | aiohttp.FormData) -> dict[str, Any]:
        async with self.session.post(
            "/graphql", data=body, headers=self.headers
        ) as response:
            content = await response.json()
        if response.status != 200 or "errors" in content:
            raise Wrong(f"{response.status}: {str(content)[:300]}")
        data: dict[str, Any] = content["data"]
        return data

    _operations: dict[str, Callable[["Buyer"], Awaitable[None]]] = {
        "read": _read,
        "drafts": _drafts,
        "add": _add,
        "save": _save,
        "quote": _quote,
        "import": _import,
        "export": _export,
    }
