"""The rules of baskets in plain Python, written from design.md, for the server to be compared with.

Two functions a change: one says every reason against it, as a code and where its path begins; the other makes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

Reason = tuple[str, tuple[str, ...]]
PriceChange = tuple[int, tuple[str, str], tuple[str, str]]
"""A product, with its price and currency before and after."""

HOMES = {"main": "ERP01", "sub": "ERP02", "other": "ERP05"}
PARENTS = {
    "ERP01": None,
    "ERP02": "ERP01",
    "ERP03": "ERP01",
    "ERP04": "ERP01",
    "ERP05": None,
    "ERP06": "ERP05",
}
CLOSED = {"ERP04"}


@dataclass(frozen=True)
class Offer:
    """What Commerce says of a product."""

    price: Decimal
    currency: str = "try"
    is_for_sale: bool = True


@dataclass(frozen=True)
class Line:
    """A quantity of a product for a division."""

    product: int
    division: str
    quantity: int


@dataclass
class Item:
    """A product in a basket: its unit price, and the quantity of each division."""

    price: Decimal
    currency: str
    quantities: dict[str, int] = field(default_factory=dict)

    def described(self, product: int) -> dict[str, Any]:
        """Describes the item as the server answers it."""
        quantity = sum(self.quantities.values())
        return {
            "productRemoteId": product,
            "price": str(self.price),
            "quantity": quantity,
            "totalAmount": str(self.price * quantity),
            "product": {"sku": f"SKU{product:02d}"},
            "divisions": [
                {
                    "quantity": part,
                    "totalAmount": str(self.price * part),
                    "division": {"erpCode": division},
                }
                for division, part in self.quantities.items()
            ],
        }


@dataclass(eq=False)
class Basket:
    """A basket in any status."""

    owner: str
    segment: int | None
    id: str = ""
    status: str = "ACTIVE"
    name: str | None = None
    version: int = 0
    items: dict[int, Item] = field(default_factory=dict)
    versions: dict[int, dict[int, dict[str, int]]] = field(default_factory=dict)
    """The quantities of versions that were seen, by product and division."""

    def total(self) -> Decimal:
        """Adds up prices times quantities."""
        return sum(
            (item.price * sum(item.quantities.values()) for item in self.items.values()),
            Decimal("0.00"),
        )

    def described(self) -> dict[str, Any]:
        """Describes the basket as the server answers it."""
        items = [item.described(product) for product, item in self.items.items()]
        return {
            "id": self.id,
            "status": self.status,
            "name": self.name,
            "version": self.version,
            "segmentRemoteId": self.segment,
            "currency": next((item.currency for item in self.items.values()), None),
            "totalAmount": str(self.total()),
            "totalQuantity": sum(item["quantity"] for item in items),
            "itemCount": len(items),
            "items": items,
        }


@dataclass
class Rules:
    """All baskets, what Commerce says now, and what it said when the server last asked."""

    catalogue: dict[tuple[int, int | None], Offer]
    unsellable: set[int]
    known: dict[tuple[int, int | None], Offer] = field(default_factory=dict)
    baskets: list[Basket] = field(default_factory=list)
    saved: list[Basket] = field(default_factory=list)
    quotations: list[tuple[str, Basket]] = field(default_factory=list)

    def active(self, owner: str, segment: int | None) -> Basket | None:
        """Finds the one active basket of a user and segment."""
        sought = (owner, segment, "ACTIVE")
        found = [
            each
            for each in self.baskets
            if (each.owner, each.segment, each.status) == sought
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def against_version(
        self, owner: str, segment: int | None, expected: int | None
    ) -> set[Reason]:
        """Rejects another version than the basket has; one that does not exist has 0."""
        basket = self.active(owner, segment)
        is_right = expected in (None, basket.version if basket else 0)
        return set() if is_right else {("VERSION_CONFLICT", ("expectedVersion",))}

    def against_active(
        self, owner: str, segment: int | None, expected: int | None
    ) -> set[Reason]:
        """Rejects when there is no active basket, or another version of it."""
        if self.active(owner, segment) is None:
            return {("BASKET_NOT_FOUND", ("segmentRemoteId",))}
        return self.against_version(owner, segment, expected)

    def against_division(self, owner: str, division: str) -> set[str]:
        """Rejects divisions that do not exist, that the user may not buy for, and that are closed."""
        if division not in PARENTS:
            return {"DIVISION_NOT_FOUND"}
        if HOMES[owner] not in (division, PARENTS[division]):
            return {"DIVISION_NOT_ALLOWED"}
        return {"DIVISION_INACTIVE"} if division in CLOSED else set()

    def asked(self, owner: str, segment: int | None, products: set[int]) -> set[int]:
        """Names the products that Commerce has to be asked for: neither in the basket nor known."""
        basket = self.active(owner, segment)
        held = basket.items if basket else {}
        return {
            each
            for each in products
            if each not in held and (each, segment) not in self.known
        }

    def offer(self, product: int, segment: int | None) -> Offer | None:
        """Says what a product is added at: what is known of it, else what Commerce says."""
        return self.known.get((product, segment)) or self.catalogue.get((product, segment))

    def against_product(self, product: int, segment: int | None) -> set[str]:
        """Rejects products that Commerce does not know, and those that it does not sell."""
        offer = self.offer(product, segment)
        if offer is None:
            return {
                "PRODUCT_UNAVAILABLE" if product in self.unsellable else "PRODUCT_NOT_FOUND"
            }
        return set() if offer.is_for_sale else {"PRODUCT_UNAVAILABLE"}

    def _currencies(
        self, basket: Basket | None, segment: int | None, lines: Sequence[Line]
    ) -> dict[int, str]:
        currencies = (
            {product: item.currency for product, item in basket.items.items()}
            if basket
            else {}
        )
        for line in lines:
            offer = self.offer(line.product, segment)
            # A product that cannot be had gives no currency to an empty basket.
            if offer and offer.is_for_sale:
                currencies.setdefault(line.product, offer.currency)
        return currencies

    def against_add(
        self, owner: str, segment: int | None, lines: Sequence[Line], expected: int | None
    ) -> set[Reason]:
        """Rejects an addition of which any line breaks a rule, by itself or together with the rest."""
        basket = self.active(owner, segment)
        held, currencies = (
            basket.items if basket else {},
            self._currencies(basket, segment, lines),
        )
        first = next(iter(currencies.values()), None)
        reasons = self.against_version(owner, segment, expected)
        for place, line in enumerate(lines):
            codes = self.against_division(owner, line.division) | self.against_product(
                line.product, segment
            )
            if (
                not 1 <= line.quantity <= 1_000_000
                or self._sum(held, lines, line) > 1_000_000
            ):
                codes |= {"INVALID_QUANTITY"}
            if currencies.get(line.product, first) != first:
                codes |= {"CURRENCY_MISMATCH"}
            reasons |= {(code, ("items", str(place))) for code in codes}
        return reasons

    def _sum(self, held: dict[int, Item], lines: Sequence[Line], line: Line) -> int:
        before = (
            held[line.product].quantities.get(line.division, 0)
            if line.product in held
            else 0
        )
        same = [
            each
            for each in lines
            if (each.product, each.division) == (line.product, line.division)
            and 1 <= each.quantity <= 1_000_000
        ]
        return before + sum(each.quantity for each in same)

    def add(self, owner: str, segment: int | None, lines: Sequence[Line]) -> Basket:
        """Adds lines to the active basket, making it where there is none."""
        basket = self.active(owner, segment)
        if basket is None:
            basket = Basket(owner, segment)
            self.baskets.append(basket)
        for line in lines:
            if line.product not in basket.items:
                offer = self.known[line.product, segment]
                basket.items[line.product] = Item(offer.price, offer.currency)
            quantities = basket.items[line.product].quantities
            quantities[line.division] = quantities.get(line.division, 0) + line.quantity
        basket.version += 1
        return basket

    def learn(self, products: set[int], segment: int | None) -> None:
        """Keeps what Commerce says of products that it was asked for."""
        for key in ((product, segment) for product in products):
            if key in self.catalogue:
                self.known[key] = self.catalogue[key]

    def against_update(
        self, owner: str, segment: int | None, line: Line, expected: int | None
    ) -> set[Reason]:
        """Rejects to set a quantity that is out of limits, or of what the basket does not hold."""
        reasons = self.against_active(owner, segment, expected)
        if not 0 <= line.quantity <= 1_000_000:
            reasons |= {("INVALID_QUANTITY", ("quantity",))}
        codes = self.against_division(owner, line.division)
        # What was bought for a division that has closed since can still be taken out.
        reasons |= {
            (code, ("divisionId",))
            for code in codes
            if (code, line.quantity) != ("DIVISION_INACTIVE", 0)
        }
        basket = self.active(owner, segment)
        item = basket.items.get(line.product) if basket else None
        if basket and item is None:
            reasons |= {("PRODUCT_NOT_IN_BASKET", ("productRemoteId",))}
        offer = self.known.get((line.product, segment))
        if item and offer and not offer.is_for_sale:
            if line.quantity > item.quantities.get(line.division, 0):
                reasons |= {("PRODUCT_UNAVAILABLE", ("productRemoteId",))}
        is_bare = item and line.quantity == 0 and line.division not in item.quantities
        return reasons | (
            {("PRODUCT_NOT_IN_BASKET", ("divisionId",))} if is_bare else set()
        )

    def update(self, basket: Basket, line: Line) -> None:
        """Sets a quantity; an item without divisions is gone."""
        quantities = basket.items[line.product].quantities
        if quantities.get(line.division) == line.quantity:
            return
        quantities[line.division] = line.quantity
        if line.quantity == 0:
            del quantities[line.division]
        if not quantities:
            del basket.items[line.product]
        basket.version += 1

    def remove(self, basket: Basket, products: Sequence[int]) -> None:
        """Takes products away, for all divisions."""
        if not basket.items:
            return
        basket.items = {
            product: item
            for product, item in basket.items.items()
            if product not in products
        }
        basket.version += 1

    def save(self, basket: Basket, name: str | None) -> None:
        """Makes an active basket a draft."""
        basket.status, basket.name, basket.version = "DRAFT", name, basket.version + 1
        self.saved = [each for each in self.saved if each is not basket] + [basket]

    def against_draft(self, owner: str, basket_id: str) -> set[Reason]:
        """Rejects what is not a draft of the user's own."""
        own = [each for each in self.baskets if (each.owner, each.id) == (owner, basket_id)]
        if not own:
            return {("BASKET_NOT_FOUND", ("basketId",))}
        return set() if own[0].status == "DRAFT" else {("BASKET_NOT_DRAFT", ("basketId",))}

    def load(self, draft: Basket) -> None:
        """Makes a draft active; the basket that was active becomes an unnamed draft, or vanishes when empty."""
        before = self.active(draft.owner, draft.segment)
        if before and before.items:
            self.save(before, None)
        elif before:
            self.baskets = [each for each in self.baskets if each is not before]
        draft.status, draft.version = "ACTIVE", draft.version + 1

    def against_quote(
        self, owner: str, segment: int | None, expected: int | None
    ) -> set[Reason]:
        """Rejects an empty basket, and one with a product that Commerce no longer sells."""
        reasons, basket = (
            self.against_active(owner, segment, expected),
            self.active(owner, segment),
        )
        if basket and not basket.items:
            return reasons | {("BASKET_EMPTY", ("segmentRemoteId",))}
        held = basket.items if basket else {}
        are_for_sale = [self.known[product, segment].is_for_sale for product in held]
        return reasons if all(are_for_sale) else reasons | {("BASKET_HAS_PROBLEMS", ())}

    def quote(self, basket: Basket, name: str) -> None:
        """Submits an active basket, which is final."""
        basket.status, basket.version = "SUBMITTED", basket.version + 1
        self.quotations.append((name, basket))

    def against_refresh(
        self, owner: str, segment: int | None, expected: int | None
    ) -> set[Reason]:
        """Rejects when the new prices are in more than one currency."""
        reasons, basket = (
            self.against_active(owner, segment, expected),
            self.active(owner, segment),
        )
        currencies = (
            {self._renewed(basket, product).currency for product in basket.items}
            if basket
            else set()
        )
        return reasons | ({("CURRENCY_MISMATCH", ())} if len(currencies) > 1 else set())

    def _renewed(self, basket: Basket, product: int) -> Offer:
        item, offer = basket.items[product], self.catalogue.get((product, basket.segment))
        return (
            offer
            if offer and offer.is_for_sale
            else Offer(item.price, item.currency, is_for_sale=False)
        )

    def ask_for_all(self, basket: Basket) -> None:
        """Keeps what Commerce says of all products of a basket, also that it no longer sells one."""
        for product in basket.items:
            key = (product, basket.segment)
            offer = self.catalogue.get(key)
            self.known[key] = offer or replace(self.known[key], is_for_sale=False)

    def refresh(self, basket: Basket) -> tuple[list[PriceChange], list[int]]:
        """Renews all prices; returns the changes, and the products that are no longer for sale."""
        renewed = {product: self._renewed(basket, product) for product in basket.items}
        items = basket.items
        before = {each: (str(items[each].price), items[each].currency) for each in renewed}
        after = {
            product: (str(offer.price), offer.currency)
            for product, offer in renewed.items()
        }
        changes = [
            (each, before[each], after[each])
            for each in renewed
            if before[each] != after[each]
        ]
        for product, offer in renewed.items():
            basket.items[product].price, basket.items[product].currency = (
                offer.price,
                offer.currency,
            )
        basket.version += bool(changes)
        return changes, [
            product for product, offer in renewed.items() if not offer.is_for_sale
        ]

    def described(self, owner: str) -> dict[str, Any]:
        """Describes all that a user has, as the server answers it."""
        active = [
            each for each in self.baskets if (each.owner, each.status) == (owner, "ACTIVE")
        ]
        kept = [each for each in self.saved[::-1] if each in self.baskets]
        drafts = [each for each in kept if (each.owner, each.status) == (owner, "DRAFT")]
        return {
            "activeBaskets": [
                each.described()
                for each in sorted(active, key=lambda each: each.segment or 0)
            ],
            "draftBaskets": {
                "totalCount": len(drafts),
                "edges": [{"node": each.described()} for each in drafts],
            },
            "quotations": {"edges": [{"node": each} for each in self._quotations(owner)]},
        }

    def _quotations(self, owner: str) -> Iterator[dict[str, Any]]:
        for name, basket in self.quotations[::-1]:
            if basket.owner == owner:
                described = basket.described()
                yield {
                    "name": name,
                    "status": "AWAITING_APPROVAL" if owner == "sub" else "PENDING",
                    "totalAmount": described["totalAmount"],
                    "currency": described["currency"],
                    "basket": described,
                }
