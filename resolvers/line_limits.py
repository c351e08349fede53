"""The rules that lines of an input keep together: one currency, sums and limits of a basket."""

from collections.abc import Collection, Mapping, Sequence

from models.basket.lines import quantities_of, read_held_parts
from models.basket.lock import LockedBasket
from models.basket.quantities import PartKey
from models.basket.rules import Line, check_quantity, limit_rejections
from models.basket.tables import MAXIMUM_QUANTITY
from models.rejections import Rejection, RejectionCode
from resolvers.item_lines import ItemLine
from resolvers.line_outcomes import CheckedLines
from resolvers.products import Found
from schema.line_outcome import OnInvalid


def reject_foreign_currency(
    lines: Sequence[ItemLine],
    held: Collection[int],
    currency: str | None,
    *,
    is_strict: bool,
) -> None:
    """Rejects the lines of products that the basket does not hold in another currency than its own.

    `held` has the ids of the products that it holds. Without a currency it has that of the first
    good line, or if strict of the first line with a product that can be had.
    """
    new = [line for line in lines if line.product and line.product.id not in held]
    # An item keeps its currency, also when Commerce now prices its product in another one.
    first = (line for line in new if is_strict or not line.rejections)
    currency = currency or next(
        (line.product.currency for line in first if line.product), None
    )
    for line in new:
        if line.product and currency and line.product.currency != currency:
            line.reject(
                Rejection(
                    RejectionCode.CURRENCY_MISMATCH,
                    f"Product {line.product.remote_id} is priced in {line.product.currency}, "
                    f"the basket in {currency}; all items share one currency.",
                )
            )


class AdditionSums:
    """The quantities of a basket, as additions to it make them grow."""

    def __init__(self, basket: LockedBasket, held: Mapping[PartKey, int]) -> None:
        self._quantities = dict(held)
        self._products = {product_id for product_id, _ in held}
        self.item_count = basket.item_count
        self.total_quantity = basket.total_quantity

    def check_each(self, lines: Sequence[ItemLine]) -> None:
        """Adds good lines in their order; rejects those with which a sum passes a limit."""
        for line in lines:
            if line.rejections:
                continue
            added = line.to_line()
            quantity = self._quantities.get(added.key, 0) + added.quantity
            is_new = added.product_id not in self._products
            line.attempt(check_quantity, quantity)
            for rejection in limit_rejections(
                self.item_count + is_new, self.total_quantity + added.quantity
            ):
                line.rejections.append(_of_line(rejection, line))
            # A rejected line leaves room for those after it.
            if not line.rejections:
                self._take(added.key, quantity, added.quantity)

    def check_together(self, lines: Sequence[ItemLine]) -> Sequence[Rejection]:
        """Adds the lines; rejects each one of too high a sum, and returns breaches of limits."""
        added = [
            line for line in lines if line.product and line.target and line.has_quantity
        ]
        made = [line.to_line() for line in added]
        for each in made:
            quantity = self._quantities.get(each.key, 0) + each.quantity
            self._take(each.key, quantity, each.quantity)
        for line, each in zip(added, made, strict=True):
            quantity = self._quantities[each.key]
            if quantity > MAXIMUM_QUANTITY:
                line.attempt(check_quantity, quantity)
        return limit_rejections(self.item_count, self.total_quantity)

    def _take(self, key: PartKey, quantity: int, added: int) -> None:
        self._quantities[key] = quantity
        self.item_count += key[0] not in self._products
        self._products.add(key[0])
        self.total_quantity += added


async def check_addition(
    lines: Sequence[ItemLine], basket: LockedBasket, found: Found, on_invalid: OnInvalid
) -> CheckedLines:
    """Checks the rules that lines to add keep together, and returns which of them are good."""
    is_strict = on_invalid is OnInvalid.REJECT
    held = await _read_held(basket, lines)
    products = {product_id for product_id, _ in held}
    reject_foreign_currency(lines, products, basket.currency, is_strict=is_strict)
    sums, of_all = AdditionSums(basket, held), list[Rejection]()
    if is_strict:
        of_all += [*found.unasked(), *sums.check_together(lines)]
    else:
        sums.check_each(lines)
    return CheckedLines(lines, on_invalid, of_all)


async def _read_held(
    basket: LockedBasket, lines: Sequence[ItemLine]
) -> Mapping[PartKey, int]:
    """Returns the quantities that a basket holds of the products of lines, for any division."""
    # A basket that was just made, or emptied, holds nothing.
    if not basket.item_count:
        return {}
    # By their products alone: also one for a closed division may be held.
    known = [Line(line.product.id, 0, 0) for line in lines if line.product]
    return quantities_of(await read_held_parts(basket.id, known))


# A limit of the whole basket has no path of its own in the line that passes it.
def _of_line(rejection: Rejection, line: ItemLine) -> Rejection:
    return Rejection(rejection.code, rejection.message, *line.field)
