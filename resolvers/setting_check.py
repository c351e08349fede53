"""Checking quantities to set: more of a product needs more than less of it, or none."""

from collections.abc import Collection, Mapping, Sequence

from models.basket.lock import LockedBasket
from models.basket.quantities import PartKey
from models.basket.rules import Line, limit_rejections
from models.division import DivisionRead
from models.rejections import Rejection, RejectionCode
from models.user import Buyer
from resolvers.divisions import DivisionKey, check_division
from resolvers.item_lines import ItemLine
from resolvers.line_limits import reject_foreign_currency
from resolvers.products import Found

Held = Mapping[PartKey, int]
"""Quantities that a basket holds, by product and division."""


def reject_repeated(lines: Sequence[ItemLine]) -> None:
    """Rejects lines that name the same product and division, all of them."""
    named: dict[PartKey, list[ItemLine]] = {}
    for line in lines:
        if key := key_of(line):
            named.setdefault(key, []).append(line)
    for same in named.values():
        for line in same if len(same) > 1 else ():
            indexes = " and ".join(str(each.index) for each in same[:2])
            line.reject(
                Rejection(
                    RejectionCode.INVALID_INPUT,
                    f"Lines {indexes} set the same product and division; send one of them.",
                )
            )


def key_of(line: ItemLine) -> PartKey | None:
    """Returns the product and division that a line names, where both are known."""
    return (line.known.id, line.found.id) if line.known and line.found else None


class SettingCheck:
    """The lines of a setting, in a basket with the quantities that it holds.

    `removed` has the parts that are removed because no line names them.
    """

    def __init__(
        self,
        lines: Sequence[ItemLine],
        basket: LockedBasket,
        held: Held,
        removed: Collection[PartKey],
    ) -> None:
        self.lines = lines
        self.basket = basket
        self.held = held
        self.removed = removed
        self.products = {product_id for product_id, _ in held}

    def before(self, line: ItemLine) -> int:
        """Returns the quantity that the basket holds of the product and division."""
        key = key_of(line)
        return self.held.get(key, 0) if key else 0

    def require(
        self, buyer: Buyer, found: Found, divisions: Mapping[DivisionKey, DivisionRead]
    ) -> None:
        """Notes why there cannot be more where a line needs more; less needs a division only."""
        for line in self.lines:
            if (line.quantity or 0) > self.before(line):
                line.require(buyer, found, divisions)
            elif line.division_key is not None and line.found is None:
                name = "divisionErpCode"
                if isinstance(line.division_key, int):
                    name = "divisionId"
                line.attempt(check_division, buyer, divisions, line.division_key, name)

    def check(self, *, is_strict: bool) -> list[Rejection]:
        """Checks the currency and the limits; returns the rejections that are of no line."""
        gone = self.products - self._staying()
        currency = self.basket.currency if self.basket.item_count > len(gone) else None
        reject_foreign_currency(self.lines, self.products, currency, is_strict=is_strict)
        sums = self._sums_without_more(len(gone))
        increases = [line for line in self.lines if self._is_increase(line, is_strict)]
        if is_strict:
            return self._check_together(increases, *sums)
        self._check_each(increases, *sums)
        return []

    def _staying(self) -> set[int]:
        """Returns the held products of which a quantity is left."""
        after = dict(self.held) | dict.fromkeys(self.removed, 0)
        for line in self.lines:
            key = key_of(line)
            if key and not line.rejections:
                after[key] = line.quantity or 0
        return {product_id for (product_id, _), quantity in after.items() if quantity}

    def _sums_without_more(self, gone: int) -> tuple[int, int]:
        """Returns the item count and the total quantity when all reductions are made."""
        fewer = sum(self.held[key] for key in self.removed)
        for line in self.lines:
            if not line.rejections:
                fewer += max(0, self.before(line) - (line.quantity or 0))
        return self.basket.item_count - gone, self.basket.total_quantity - fewer

    def _is_increase(self, line: ItemLine, is_strict: bool) -> bool:
        is_good = line.has_quantity if is_strict else not line.rejections
        has_place = line.product is not None and line.target is not None
        return is_good and has_place and (line.quantity or 0) > self.before(line)

    def _check_each(
        self, increases: Sequence[ItemLine], item_count: int, total_quantity: int
    ) -> None:
        """Rejects the lines, in their order, with which the basket passes a limit."""
        products = set(self.products)
        for line in increases:
            made = line.to_line()
            is_new = made.product_id not in products
            more = made.quantity - self.before(line)
            if found := limit_rejections(item_count + is_new, total_quantity + more):
                line.rejections += [
                    Rejection(each.code, each.message, *line.field) for each in found
                ]
                continue
            products.add(made.product_id)
            item_count, total_quantity = item_count + is_new, total_quantity + more

    def _check_together(
        self, increases: Sequence[ItemLine], item_count: int, total_quantity: int
    ) -> list[Rejection]:
        new = {line.to_line().product_id for line in increases} - self.products
        more = sum(line.to_line().quantity - self.before(line) for line in increases)
        return limit_rejections(item_count + len(new), total_quantity + more)

    def changes(self, accepted: Sequence[int]) -> dict[PartKey, Line]:
        """Returns the lines that change a quantity, in their order, and then the removals."""
        lines = [self.lines[index] for index in accepted]
        changed = [
            line.to_line()
            for line in lines
            if key_of(line) and line.quantity != self.before(line)
        ]
        removals = [Line(*key, 0) for key in self.removed]
        return {line.key: line for line in [*changed, *removals]}


def parts_to_remove(held: Held, lines: Sequence[ItemLine]) -> list[PartKey]:
    """Returns the parts of a basket that no line names.

    A line whose division is unknown names all parts of its product.
    """
    parts = {key_of(line) for line in lines}
    products = {line.known.id for line in lines if line.known and not line.found}
    return [key for key in held if key not in parts and key[0] not in products]
