"""The rules of changes with many lines, in plain Python, for the server to be compared with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tests.support.basket_rules import PARENTS, Basket, Item, Line, Rules
from tests.support.revert_rules import Part, parts, quantities

LIMIT = 1_000_000


@dataclass
class Bulk:
    """Lines for the active basket of a user and segment, and the codes against each of them."""

    rules: Rules
    owner: str
    segment: int | None
    lines: Sequence[Line]
    is_strict: bool
    unknown: set[int] = field(default_factory=set)
    """The products that Commerce was asked for and does not know any more."""
    against: list[set[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.against = [set() for _ in self.lines]

    @property
    def basket(self) -> Basket | None:
        """The active basket."""
        return self.rules.active(self.owner, self.segment)

    def held(self) -> dict[Part, int]:
        """Returns the quantities that the basket has now."""
        return parts(quantities(self.basket)) if self.basket else {}

    def good(self) -> list[Line]:
        """Returns the lines that are carried out."""
        if self.is_strict and any(self.against):
            return []
        pairs = zip(self.lines, self.against, strict=True)
        return [line for line, codes in pairs if not codes]

    def against_more(self, line: Line) -> set[str]:
        """Rejects more of a product that is not sold, or for a division not to buy for."""
        codes = self.rules.against_division(self.owner, line.division)
        if line.product in self.unknown:
            return codes | {"PRODUCT_NOT_FOUND"}
        return codes | self.rules.against_product(line.product, self.segment)

    def check_currency(
        self, wanting: Iterable[int], held: Iterable[int], currency: str | None
    ) -> None:
        """Rejects new products in another currency; `wanting` has the lines that need more."""
        new = [
            index
            for index in wanting
            if self.lines[index].product not in set(held)
            and not self.rules.against_product(self.lines[index].product, self.segment)
        ]
        first = [index for index in new if self.is_strict or not self.against[index]]
        if currency is None and first:
            currency = self._currency(first[0])
        for index in new:
            if currency and self._currency(index) != currency:
                self.against[index] |= {"CURRENCY_MISMATCH"}

    def _currency(self, index: int) -> str:
        offer = self.rules.offer(self.lines[index].product, self.segment)
        assert offer is not None
        return offer.currency


class Addition(Bulk):
    """Lines to add, to an emptied basket if it is replaced."""

    def check(self, *, is_replacing: bool = False) -> None:
        """Finds the codes against each line."""
        for line, codes in zip(self.lines, self.against, strict=True):
            codes |= self.against_more(line)
            codes |= set() if 1 <= line.quantity <= LIMIT else {"INVALID_QUANTITY"}
        basket = None if is_replacing else self.basket
        items = basket.items if basket else {}
        currency = next((item.currency for item in items.values()), None)
        self.check_currency(range(len(self.lines)), items, currency)
        sums = {} if is_replacing else self.held()
        for line, codes in zip(self.lines, self.against, strict=True):
            part = (line.product, line.division)
            if not codes and sums.get(part, 0) + line.quantity > LIMIT:
                codes |= {"INVALID_QUANTITY"}
            if not codes:
                sums[part] = sums.get(part, 0) + line.quantity

    def carry_out(self, *, is_replacing: bool = False) -> None:
        """Adds the good lines, if there are any."""
        if self.good():
            if self.basket and is_replacing:
                self.basket.items.clear()
            self.rules.add(self.owner, self.segment, self.good())


@dataclass
class Setting(Bulk):
    """Quantities to set; the rest is removed if they replace it."""

    is_replacing: bool = False
    removed: list[Part] = field(init=False)

    def _part(self, line: Line) -> Part | None:
        is_known = (line.product, self.segment) in self.rules.known
        is_named = is_known and line.division in PARENTS
        return (line.product, line.division) if is_named else None

    def _before(self, line: Line) -> int:
        part = self._part(line)
        return self.held().get(part, 0) if part else 0

    def check(self) -> None:
        """Finds the codes against each line, and the parts that are removed."""
        named = [self._part(line) for line in self.lines]
        for line, part, codes in zip(self.lines, named, self.against, strict=True):
            codes |= set() if 0 <= line.quantity <= LIMIT else {"INVALID_QUANTITY"}
            codes |= {"INVALID_INPUT"} if part and named.count(part) > 1 else set()
            if line.quantity > self._before(line):
                codes |= self.against_more(line)
            elif line.division not in PARENTS:
                codes |= {"DIVISION_NOT_FOUND"}
        vague = {line.product for line in self.lines if line.division not in PARENTS}
        held = self.held() if self.is_replacing else {}
        self.removed = [part for part in held if part not in named and part[0] not in vague]
        self._check_currency()

    def _check_currency(self) -> None:
        after = self.held() | dict.fromkeys(self.removed, 0)
        for line, codes in zip(self.lines, self.against, strict=True):
            if (part := self._part(line)) and not codes:
                after[part] = line.quantity
        items = self.basket.items if self.basket else {}
        staying = {product for (product, _), quantity in after.items() if quantity}
        kept = [item.currency for product, item in items.items() if product in staying]
        wanting = [
            index
            for index, line in enumerate(self.lines)
            if line.quantity > self._before(line)
        ]
        self.check_currency(wanting, items, kept[0] if kept else None)

    def carry_out(self) -> int:
        """Sets the good quantities; returns how many items are gone."""
        changes = [
            line
            for line in self.good()
            if self._part(line) and line.quantity != self._before(line)
        ]
        is_rejected = self.is_strict and any(self.against)
        removals = [] if is_rejected else [Line(*part, 0) for part in self.removed]
        if not changes and not removals:
            return 0
        basket = self._opened()
        before = set(basket.items)
        for line in [*changes, *removals]:
            if line.product not in basket.items:
                offer = self.rules.known[line.product, self.segment]
                basket.items[line.product] = Item(offer.price, offer.currency)
            basket.items[line.product].quantities[line.division] = line.quantity
        self._drop_zeros(basket)
        basket.version += 1
        return len(before - set(basket.items))

    def _opened(self) -> Basket:
        if self.basket is None:
            self.rules.baskets.append(Basket(self.owner, self.segment))
        basket = self.basket
        assert basket is not None
        return basket

    def _drop_zeros(self, basket: Basket) -> None:
        for product, item in list(basket.items.items()):
            left = {code: pieces for code, pieces in item.quantities.items() if pieces}
            item.quantities = left
            if not left:
                del basket.items[product]


def learn_all(rules: Rules, products: Iterable[int], segment: int | None) -> None:
    """Keeps what Commerce says of products, also that it no longer sells one."""
    for product in products:
        key = (product, segment)
        if key in rules.catalogue:
            rules.known[key] = rules.catalogue[key]
        elif key in rules.known:
            rules.known[key] = replace(rules.known[key], is_for_sale=False)
