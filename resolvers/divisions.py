"""Finding the divisions that an input names, and checking that the buyer may buy for them."""

from collections.abc import Mapping

from models.division import DivisionRead, divisions_named
from models.errors import DivisionNotFound, Refusal, Refused
from models.user import Buyer

DivisionKey = int | str
"""Our identifier or an ERP code."""

_LARGEST_ID = 2**31 - 1


async def find_divisions(
    buyer: Buyer, wanted: Mapping[tuple[str, ...], DivisionKey]
) -> dict[DivisionKey, DivisionRead]:
    """Finds every wanted division, and the refusals for those that are unknown, not allowed or inactive.

    `wanted` says for each place in the input which division it names. Raises one refusal a place.
    """
    own = buyer.division
    found: dict[DivisionKey, DivisionRead] = {own.id: own, own.erp_code: own}
    missing = {key for key in wanted.values() if key not in found}
    ids = [key for key in missing if isinstance(key, int) and key <= _LARGEST_ID]
    erp_codes = [key for key in missing if isinstance(key, str)]
    for division in await divisions_named(ids, erp_codes) if ids or erp_codes else ():
        found |= {division.id: division, division.erp_code: division}
    refusals = [_refusal(buyer, key, found.get(key), field) for field, key in wanted.items()]
    if reasons := [refusal for refusal in refusals if refusal]:
        raise Refused(reasons)
    return found


def _refusal(buyer: Buyer, key: DivisionKey, division: DivisionRead | None, field: tuple[str, ...]) -> Refusal | None:
    if division is None:
        return DivisionNotFound(f"There is no division {key}.", *field)
    try:
        buyer.check_may_buy_for(division)
    except Refusal as refusal:
        return refusal.beneath(*field)
    return None
