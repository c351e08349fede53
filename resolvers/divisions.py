"""Finding the divisions that an input names, and checking that the buyer may buy for them."""

from collections.abc import Collection, Mapping

from models.database.integers import LARGEST_INT
from models.division import DivisionRead, divisions_named
from models.rejections import Rejected, Rejection, RejectionCode
from models.user import Buyer
from text import trim

DivisionKey = int | str
"""The number of a division's row or an ERP code."""


async def read_divisions(
    buyer: Buyer, keys: Collection[DivisionKey]
) -> dict[DivisionKey, DivisionRead]:
    """Reads divisions by their keys; unknown ones are absent, and nothing is checked yet.

    An ERP code is matched as it is, and if there is none such without the spaces around it.
    """
    own = buyer.division
    # The buyer's own division came with the authentication and costs no statement.
    found: dict[DivisionKey, DivisionRead] = {own.id: own, own.erp_code: own}
    without_spaces = {key: trim(key) for key in keys if isinstance(key, str)}
    missing = {key for key in (*keys, *without_spaces.values()) if key not in found}
    # A larger number is the id of no division, and asyncpg rejects it for the column's type.
    ids = [key for key in missing if isinstance(key, int) and key <= LARGEST_INT]
    erp_codes = [key for key in missing if isinstance(key, str)]
    for division in await divisions_named(ids, erp_codes) if ids or erp_codes else ():
        found |= {division.id: division, division.erp_code: division}
    for key, erp_code in without_spaces.items():
        if key not in found and erp_code in found:
            found[key] = found[erp_code]
    return found


def check_division(
    buyer: Buyer, found: Mapping[DivisionKey, DivisionRead], key: DivisionKey, *field: str
) -> DivisionRead:
    """Returns a division that the buyer may buy for; raises the rejection why not."""
    division = found.get(key)
    if division is None:
        raise Rejection(
            RejectionCode.DIVISION_NOT_FOUND, f"There is no division {key}.", *field
        )
    try:
        buyer.check_may_buy_for(division)
    except Rejection as rejection:
        raise rejection.beneath(*field) from None
    return division


async def find_divisions(
    buyer: Buyer, wanted: Mapping[tuple[str, ...], DivisionKey]
) -> dict[DivisionKey, DivisionRead]:
    """Finds divisions; `wanted` maps paths of the input to the divisions that they name.

    Raises DIVISION_NOT_FOUND, DIVISION_NOT_ALLOWED and DIVISION_INACTIVE, one rejection per path.
    """
    found = await read_divisions(buyer, set(wanted.values()))
    rejections: list[Rejection] = []
    for field, key in wanted.items():
        try:
            check_division(buyer, found, key, *field)
        except Rejection as rejection:
            rejections.append(rejection)
    if rejections:
        raise Rejected(rejections)
    return found
