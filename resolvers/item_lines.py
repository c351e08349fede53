"""The lines of an input that each name a product and a division, with every fault of each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

from models.basket.rules import Line, check_quantity
from models.basket.tables import MAXIMUM_QUANTITY
from models.division import DivisionRead
from models.product.tables import KnownProduct
from models.rejections import Rejection, RejectionCode
from models.user import Buyer
from resolvers.context import check_text
from resolvers.divisions import DivisionKey, check_division
from resolvers.line_outcomes import CheckedLine
from resolvers.products import Found, ProductKey
from schema.inputs import BasketItemInput, BasketItemSetInput
from schema.node import IdKind, number_of

MAXIMUM_LINES = 1_000
"""The highest number of lines in one input; more come in a file."""


Value = TypeVar("Value")

GivenLine: TypeAlias = BasketItemInput | BasketItemSetInput
"""A line of an input: a quantity of a product for a division, each by one of two keys."""


def check_line_count(lines: Sequence[GivenLine]) -> None:
    """Raises INVALID_INPUT for an input without lines, or with too many."""
    if not 1 <= len(lines) <= MAXIMUM_LINES:
        raise Rejection(
            RejectionCode.INVALID_INPUT,
            f"There are {len(lines)} items; send between 1 and {MAXIMUM_LINES}.",
            "items",
        )


def parse_product_key(line: GivenLine) -> ProductKey:
    """Returns the one key by which a line names its product; raises INVALID_INPUT."""
    if (line.product_remote_id is None) == (line.sku is None):
        raise Rejection(
            RejectionCode.INVALID_INPUT,
            "Name the product by exactly one of productRemoteId and sku.",
            "productRemoteId",
        )
    if line.product_remote_id is not None:
        return line.product_remote_id
    check_text(line.sku or "", "SKU", "sku")
    return line.sku or ""


def parse_division_key(line: GivenLine) -> DivisionKey:
    """Returns the one key by which a line names its division.

    Raises INVALID_INPUT, or DIVISION_NOT_FOUND for an id that cannot be one of ours.
    """
    if (line.division_id is None) == (line.division_erp_code is None):
        raise Rejection(
            RejectionCode.INVALID_INPUT,
            "Name the division by exactly one of divisionId and divisionErpCode.",
            "divisionId",
        )
    if line.division_id is not None:
        return parse_division_id(line.division_id)
    check_text(line.division_erp_code or "", "ERP code", "divisionErpCode")
    return line.division_erp_code or ""


def parse_division_id(text: str) -> int:
    """Reads a division's id; raises DIVISION_NOT_FOUND when it cannot be one of ours."""
    identifier = number_of(IdKind.DIVISION, text)
    if identifier is None:
        raise Rejection(
            RejectionCode.DIVISION_NOT_FOUND,
            f"There is no division {text[:100]}.",
            "divisionId",
        )
    return identifier


@dataclass(slots=True, kw_only=True)
class ItemLine(CheckedLine):
    """A line, the keys that could be read, and the product and division that they name.

    `known` and `found` are the product and the division as they are known; `product` and `target`
    are the same where the product can be had now, and the buyer may buy for the division.
    """

    index: int
    product_key: ProductKey | None = None
    division_key: DivisionKey | None = None
    known: KnownProduct | None = None
    product: KnownProduct | None = None
    found: DivisionRead | None = None
    target: DivisionRead | None = None
    has_quantity: bool = False
    """Whether the quantity is within the limits of a single line."""

    @property
    def field(self) -> tuple[str, ...]:
        """The path of the line in the input."""
        return "items", str(self.index)

    def reject(self, rejection: Rejection) -> None:
        """Notes a fault, with its path below that of the line."""
        self.rejections.append(rejection.beneath(*self.field))

    def attempt(self, read: Callable[..., Value], *arguments: object) -> Value | None:
        """Returns the result of a function; None, with its rejection noted, if it raises one."""
        try:
            return read(*arguments)
        except Rejection as rejection:
            self.reject(rejection)
            return None

    def resolve(
        self, buyer: Buyer, found: Found, divisions: Mapping[DivisionKey, DivisionRead]
    ) -> None:
        """Finds the product and the division, as the outcome of the line shows them."""
        if self.product_key is not None:
            self.known = found.rows.get(self.product_key)
        if self.known:
            self.remote_id, self.sku = self.known.remote_id, self.known.sku
        if self.division_key is not None:
            self.found = divisions.get(self.division_key)
        # The divisions of other companies are not shown, though a code may guess one.
        if self.found and buyer.may_buy_for(self.found):
            self.division = self.found

    def require(
        self, buyer: Buyer, found: Found, divisions: Mapping[DivisionKey, DivisionRead]
    ) -> None:
        """Notes why there can be no more of the product for the division."""
        if self.product_key is not None:
            name = "productRemoteId" if isinstance(self.product_key, int) else "sku"
            self.product = self.attempt(found.check, self.product_key, name)
        if self.division_key is not None:
            is_number = isinstance(self.division_key, int)
            name = "divisionId" if is_number else "divisionErpCode"
            self.target = self.attempt(
                check_division, buyer, divisions, self.division_key, name
            )

    def to_line(self) -> Line:
        """Returns the quantity of a line whose product and division are known."""
        product, division = self.product or self.known, self.target or self.found
        if product is None or division is None or self.quantity is None:
            raise TypeError(f"Line {self.index} was rejected.")
        return Line(product.id, division.id, self.quantity, self.field)


def read_item_lines(given: Sequence[GivenLine], *, least: int = 1) -> list[ItemLine]:
    """Reads lines, each with the faults of its keys and of its quantity."""
    return [_read_line(index, line, least) for index, line in enumerate(given)]


def _read_line(index: int, given: GivenLine, least: int) -> ItemLine:
    line = ItemLine(
        index=index,
        remote_id=given.product_remote_id,
        sku=None,
        division=None,
        quantity=given.quantity,
    )
    # One fault does not hide the next.
    line.product_key = line.attempt(parse_product_key, given)
    # Shown only where it is a text that can be sent back.
    line.sku = None if line.product_key is None else given.sku
    line.division_key = line.attempt(parse_division_key, given)
    line.has_quantity = least <= given.quantity <= MAXIMUM_QUANTITY
    if not line.has_quantity:
        line.attempt(partial(check_quantity, given.quantity, least=least))
    return line


def keys_of_products(lines: Iterable[ItemLine]) -> set[ProductKey]:
    """Returns the keys of the products that lines name."""
    return {line.product_key for line in lines if line.product_key is not None}


def keys_of_divisions(lines: Iterable[ItemLine]) -> set[DivisionKey]:
    """Returns the keys of the divisions that lines name."""
    return {line.division_key for line in lines if line.division_key is not None}
