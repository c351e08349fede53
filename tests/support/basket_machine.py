"""The server and the rules side by side: what the steps of the state machine are made of."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qs, urlsplit

from hypothesis.stateful import RuleBasedStateMachine

from models.history.consistency import check_baskets
from tests.support.basket_rules import HOMES, Basket, Line, Offer, Reason, Rules
from tests.support.service import BASKET, Caller, Service
from tests.support.statements import statement

EVERYTHING = f"""{{
  activeBaskets {{ ...Whole }}
  draftBaskets(first: 50) {{ totalCount edges {{ node {{ ...Whole }} }} }}
  quotations(first: 50) {{ edges {{ node {{ name status totalAmount currency basket {{ ...Whole }} }} }} }}
}} {BASKET}"""
WHOLE = "basket { ...Whole }"

T = TypeVar("T")

SELLABLE = range(1, 7)
SEGMENTS = (None, 1)
TABLES = (
    "idempotency_key",
    "quotation",
    "basket_item_division",
    "basket_item",
    "basket",
    "product",
)

Aim = tuple[int, bool, str, int | None]
"""Which of the active baskets, unless a person and a segment are meant that may have none."""

NamedLine = tuple[Line, bool, bool]
"""A line, whether its product is named by SKU, and whether its division is named by our id."""


class SideBySide(RuleBasedStateMachine):
    """The server and the rules; a test sets `service` and `loop` in a class of its own."""

    service: ClassVar[Service]
    loop: ClassVar[asyncio.Runner]

    def __init__(self) -> None:
        super().__init__()
        self.keys = count()
        self.model = Rules({}, unsellable={7})
        self.run(self._empty())
        for product, price in zip(
            SELLABLE, ("10.55", "20.00", "10.00", "7.00", "3.00", "5.00"), strict=True
        ):
            self.sell(
                product,
                Decimal(price),
                "eur" if product == 5 else "try",
                is_for_sale=product != 6,
            )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the one event loop of the test."""
        return self.loop.run(work)

    async def _empty(self) -> None:
        for table in TABLES:
            await statement(f"DELETE FROM {table}").rows()
        self.service.shop.requests.clear()

    def sell(
        self, product: int, price: Decimal, currency: str, *, is_for_sale: bool
    ) -> None:
        """Puts a product on sale, in the shop and in the rules; with a segment it is a tenth cheaper."""
        cheaper = (price * Decimal("0.9")).quantize(Decimal("0.01"))
        more = {
            "segment_price": str(cheaper),
            "currency_type": currency,
            "is_ready_to_basket": is_for_sale,
        }
        self.service.shop.sell(product, str(price), **more)
        self.model.catalogue[product, None] = Offer(price, currency, is_for_sale)
        self.model.catalogue[product, 1] = Offer(cheaper, currency, is_for_sale)

    def stop_selling(self, product: int) -> None:
        """Takes a product out of the shop."""
        del self.service.shop.products[product]
        for segment in SEGMENTS:
            del self.model.catalogue[product, segment]

    def withdraw(self, product: int) -> None:
        """Notes that Commerce sells a product no longer, as if somebody's refresh had learnt it."""
        text = (
            "UPDATE product SET is_available = false WHERE segment >= 0 AND remote_id = :id"
        )
        self.run(statement(text).rows(id=product))
        for key, offer in self.model.known.items():
            if key[0] == product:
                self.model.known[key] = replace(offer, is_for_sale=False)

    def asked(self) -> set[int]:
        """Names the products that Commerce was asked for since the last time."""
        asked: set[int] = set()
        for request in self.service.shop.requests:
            address = urlsplit(request)
            query = parse_qs(address.query)
            keys = (
                query.get("pk__in")
                or query.get("sku__in")
                or [address.path.removeprefix("/product/").strip("/")]
            )
            asked |= {int(key.removeprefix("SKU")) for key in keys[0].split(",")}
        self.service.shop.requests.clear()
        return asked

    def caller(self, owner: str) -> Caller:
        """Returns a person's caller."""
        return self.service.caller(owner)

    def division_id(self, division: str) -> str:
        """Returns the id of a division, also of one that does not exist."""
        return "999999" if division == "ERP99" else self.service.division(division)

    def baskets(self, status: str) -> list[Basket]:
        """Returns everybody's baskets in a status."""
        return [basket for basket in self.model.baskets if basket.status == status]

    def aimed(self, aim: Aim) -> tuple[str, int | None]:
        """Chooses a person and a segment, of an existing active basket if that is aimed at."""
        place, is_existing, owner, segment = aim
        active = self.baskets("ACTIVE")
        if is_existing and active:
            return active[place % len(active)].owner, active[place % len(active)].segment
        return owner, segment

    def active(self, owner: str, segment: int | None) -> Basket:
        """Returns an active basket that must exist."""
        basket = self.model.active(owner, segment)
        assert basket is not None
        return basket

    def expected(self, owner: str, segment: int | None, expectation: str) -> int | None:
        """Turns an expectation into a version."""
        basket = self.model.active(owner, segment)
        right = basket.version if basket else 0
        return {"none": None, "right": right, "too high": right + 1, "too low": right - 1}[
            expectation
        ]

    def change(
        self,
        owner: str,
        mutation: str,
        reasons: set[Reason],
        retry: bool,
        selection: str = WHOLE,
        **given: Any,
    ) -> dict[str, Any] | None:
        """Sends a change, perhaps twice with a key, and returns its payload.

        None when it is rejected, as it must be.
        """
        if retry:
            given["idempotencyKey"] = f"key-{next(self.keys)}"
        payload: dict[str, Any] = self.run(
            self.caller(owner).change(mutation, selection, **given)
        )
        if retry:
            assert (
                self.run(self.caller(owner).change(mutation, selection, **given)) == payload
            )
        for error in payload["userErrors"]:
            assert any(
                error["code"] == code and tuple(error["field"][: len(path)]) == path
                for code, path in reasons
            )
        assert bool(payload["userErrors"]) == bool(reasons), (payload, reasons)
        return None if reasons else payload

    def addition(
        self,
        owner: str,
        segment: int | None,
        lines: list[NamedLine],
        *,
        expectation: str,
        retry: bool,
    ) -> None:
        """Adds lines."""
        wanted = [line for line, _, _ in lines]
        expected = self.expected(owner, segment, expectation)
        reasons = self.model.against_add(owner, segment, wanted, expected)
        missing = self.model.asked(owner, segment, {line.product for line in wanted})
        given: dict[str, Any] = {"segmentRemoteId": segment, "expectedVersion": expected}
        items = [self._line(line) for line in lines]
        payload = self.change(owner, "basketItemsAdd", reasons, retry, items=items, **given)
        asked = self.asked()
        assert asked == missing or (reasons and not asked)
        self.model.learn(asked, segment)
        if payload:
            basket = self.model.add(owner, segment, wanted)
            basket.id = basket.id or payload["basket"]["id"]
            assert payload["basket"] == basket.described()

    def _line(self, line: NamedLine) -> dict[str, Any]:
        (wanted, by_sku, by_id) = line
        product: dict[str, Any] = {"productRemoteId": wanted.product}
        division = {"divisionErpCode": wanted.division}
        if by_sku:
            product = {"sku": f"SKU{wanted.product:02d}"}
        if by_id:
            division = {"divisionId": self.division_id(wanted.division)}
        return {**product, **division, "quantity": wanted.quantity}

    async def _known(self) -> dict[tuple[int, int | None], Offer]:
        columns = "remote_id, segment, price, currency, is_available"
        rows = await statement(f"SELECT {columns} FROM product WHERE segment >= 0").rows()
        return {
            (row[0], row[1] or None): Offer(
                Decimal(row[2]).scaleb(-2), row[3], bool(row[4])
            )
            for row in rows
        }

    def check(self) -> None:
        """Compares all that everybody has, the columns of totals, the history, and the products."""
        for owner in HOMES:
            assert self.run(self.caller(owner).query(EVERYTHING)) == self.model.described(
                owner
            )
        assert self.run(self._known()) == self.model.known
        self.run(self._check_columns())

    async def _check_columns(self) -> None:
        # As an operator does with `server.py check`: each column, and a change for each version.
        checked = [basket async for basket in check_baskets()]
        assert len(checked) == len(self.model.baskets)
        for _, differences, history in checked:
            version = history.basket_version
            assert (differences, history) == ([], (version, 1, version, version))
