"""The rules of reverting a basket, in plain Python, for the server to be compared with."""

from dataclasses import dataclass, field
from typing import Any

from tests.support.basket_rules import Basket, Item, Rules

Part = tuple[int, str]
"""A product and a division."""


@dataclass
class Reversal:
    """The way of a basket back to a version: each part's quantity then, and the codes against it."""

    rules: Rules
    basket: Basket
    version: int
    parts: dict[Part, int] = field(init=False)
    against: dict[Part, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        then, now = parts(self.basket.versions[self.version]), self.present()
        # The products of that version in their order, because its first new one says the currency.
        self.parts = {
            part: then.get(part, 0)
            for part in then | now
            if then.get(part, 0) != now.get(part, 0)
        }
        self.against = {part: self._codes(part) for part in self.parts}
        self._check_currency()

    def present(self) -> dict[Part, int]:
        """Returns the quantities that the basket has now."""
        return parts(quantities(self.basket))

    def _is_more(self, part: Part) -> bool:
        return self.parts[part] > self.present().get(part, 0)

    def _codes(self, part: Part) -> set[str]:
        if not self._is_more(part):
            return set()
        product, division = part
        return self.rules.against_product(
            product, self.basket.segment
        ) | self.rules.against_division(self.basket.owner, division)

    def _check_currency(self) -> None:
        good = [part for part in self.parts if not self.against[part]]
        after = self.present() | {part: self.parts[part] for part in good}
        items = self.basket.items
        staying = {product for (product, _), quantity in after.items() if quantity}
        kept = [items[product].currency for product in staying if product in items]
        currency = kept[0] if kept else None
        for part in good:
            if self._is_more(part) and part[0] not in items:
                offer = self.rules.known[part[0], self.basket.segment]
                currency = currency or offer.currency
                if offer.currency != currency:
                    self.against[part] = {"CURRENCY_MISMATCH"}

    def rejected(self) -> list[tuple[int, str, int, set[str]]]:
        """Describes the lines that are rejected, by product and division."""
        return sorted(
            (*part, self.parts[part], codes)
            for part, codes in self.against.items()
            if codes
        )

    def accepted(self) -> list[Part]:
        """Returns the parts that are good."""
        return [part for part, codes in self.against.items() if not codes]

    def carry_out(self, shown: dict[str, Any]) -> None:
        """Sets the good quantities; divisions that are new to an item are in any order, as shown."""
        items = self.basket.items
        for product, division in self.accepted():
            if product not in items:
                offer = self.rules.known[product, self.basket.segment]
                items[product] = Item(offer.price, offer.currency)
            items[product].quantities[division] = self.parts[product, division]
        order = {
            item["productRemoteId"]: [
                part["division"]["erpCode"] for part in item["divisions"]
            ]
            for item in shown["items"]
        }
        for product, item in list(items.items()):
            left = {
                code: quantity for code, quantity in item.quantities.items() if quantity
            }
            item.quantities = {code: left[code] for code in order.get(product, ())}
            assert item.quantities == left
            if not left:
                del items[product]
        self.basket.version += bool(self.accepted())


def quantities(basket: Basket) -> dict[int, dict[str, int]]:
    """Copies the quantities of a basket, by product and division."""
    return {product: dict(item.quantities) for product, item in basket.items.items()}


def parts(held: dict[int, dict[str, int]]) -> dict[Part, int]:
    """Returns the quantities by product and division at once."""
    return {
        (product, division): quantity
        for product, divisions in held.items()
        for division, quantity in divisions.items()
    }


def note_versions(rules: Rules) -> None:
    """Notes the present quantities of every basket as those of its version."""
    for basket in rules.baskets:
        basket.versions.setdefault(basket.version, quantities(basket))
