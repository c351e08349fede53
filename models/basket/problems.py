"""The problems of a basket: differences from its last answers, found without asking Commerce."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from models.basket.rows import FullBasket
from models.basket.tables import BasketStatus
from models.database.statements import load_statements
from models.division import DivisionRead, division_from_row
from models.money import format_amount
from models.user import Buyer

_STATEMENTS = load_statements(__file__)


class ProblemCode(StrEnum):
    """The kinds of problems."""

    PRICE_CHANGED = "PRICE_CHANGED"
    PRODUCT_UNAVAILABLE = "PRODUCT_UNAVAILABLE"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    DIVISION_INACTIVE = "DIVISION_INACTIVE"
    DIVISION_NOT_ALLOWED = "DIVISION_NOT_ALLOWED"

    @property
    def is_blocking(self) -> bool:
        """Whether it keeps the basket from being submitted."""
        return self not in (ProblemCode.PRICE_CHANGED, ProblemCode.OUT_OF_STOCK)


class Problem(NamedTuple):
    """A problem of the item at a position; of one of its divisions, or with its present price."""

    code: ProblemCode
    position: int
    message: str
    division_id: int | None = None
    price: int | None = None
    currency: str | None = None


def find_basket_problems(basket: FullBasket, buyer: Buyer) -> list[Problem]:
    """Returns the problems of a basket of a buyer, in the order of its items.

    A submitted basket has none: it shows its products as they were.
    """
    if basket.columns["status"] == BasketStatus.SUBMITTED:
        return []
    divisions = _find_bad_divisions(basket, buyer)
    problems = list(_find_product_problems(basket))
    if divisions:
        problems += _find_division_problems(basket, divisions)
        problems.sort(key=lambda problem: problem.position)
    return problems


def _find_product_problems(basket: FullBasket) -> Iterator[Problem]:
    currency = basket.columns["currency"]
    for index, (price, product, quantity) in enumerate(
        zip(basket.prices, basket.products, basket.item_quantities, strict=True)
    ):
        columns = product.columns
        # SQLite has numbers for true and false.
        if not columns["is_available"]:
            text = f"Commerce no longer sells the product with SKU {columns['sku']}."
            yield Problem(ProblemCode.PRODUCT_UNAVAILABLE, index, text)
            continue
        if columns["price"] != price or columns["currency"] != currency:
            yield _price_problem(index, columns, price, currency)
        stock = columns["stock"]
        if stock < quantity if stock is not None else not columns["in_stock"]:
            yield _stock_problem(index, columns, quantity)


def _price_problem(index: int, columns: Any, price: int, currency: str) -> Problem:
    present, of = columns["price"], columns["currency"]
    text = (
        f"The price of the product with SKU {columns['sku']} is {format_amount(present)} {of} "
        f"now; in the basket it is {format_amount(price)} {currency}."
    )
    return Problem(ProblemCode.PRICE_CHANGED, index, text, price=present, currency=of)


def _stock_problem(index: int, columns: Any, quantity: int) -> Problem:
    stock = columns["stock"]
    has = "none" if stock is None else str(stock)
    text = (
        f"Commerce has {has} of the product with SKU {columns['sku']} in stock; "
        f"the basket has {quantity}."
    )
    return Problem(ProblemCode.OUT_OF_STOCK, index, text)


BadDivisions = dict[int, tuple[ProblemCode, str]]
"""By the id of a division, the code and the message against it."""


def _find_bad_divisions(basket: FullBasket, buyer: Buyer) -> BadDivisions:
    divisions = {
        number: division_from_row(row.columns) for number, row in basket.divisions.items()
    }
    found = {
        number: _judge_division(division, buyer) for number, division in divisions.items()
    }
    return {number: judged for number, judged in found.items() if judged}


def _judge_division(division: DivisionRead, buyer: Buyer) -> tuple[ProblemCode, str] | None:
    if not buyer.may_buy_for(division):
        text = f"You may not buy for division {division.erp_code} any more."
        return ProblemCode.DIVISION_NOT_ALLOWED, text
    if not division.is_active:
        text = f"Division {division.erp_code} is inactive."
        return ProblemCode.DIVISION_INACTIVE, text
    return None


def _find_division_problems(
    basket: FullBasket, divisions: BadDivisions
) -> Iterator[Problem]:
    for index, (of_item, _) in enumerate(basket.group_parts()):
        sku = basket.products[index].columns["sku"]
        for number in of_item:
            if number in divisions:
                code, message = divisions[number]
                text = f"{message} The basket has the product with SKU {sku} for it."
                yield Problem(code, index, text, division_id=number)


async def has_blocking_problem(basket_id: int, buyer: Buyer) -> bool:
    """Tells whether a basket has a problem that blocks, without reading its items."""
    row = await _STATEMENTS["has_blocking"].one(
        basket_id=basket_id, buyer_division_id=buyer.division.id
    )
    return bool(row["is_blocked"])
