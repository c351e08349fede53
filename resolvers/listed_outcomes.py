"""The outcomes of all lines of an input, where only those of rejected lines are stored."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from models.rejections import RejectionCode
from resolvers.context import Info, parse_segment
from resolvers.divisions import read_divisions
from resolvers.item_lines import (
    GivenLine,
    ItemLine,
    keys_of_divisions,
    keys_of_products,
    read_item_lines,
)
from resolvers.line_outcomes import outcome_of_line
from resolvers.outcome import Outcome
from resolvers.products import look_up_known
from resolvers.requested_fields import selects
from schema.line_outcome import LineOutcome, LineStatus
from schema.user_error import UserError


def count_accepted(outcome: Outcome, lines: Sequence[GivenLine]) -> int:
    """Returns how many lines were carried out, or in a dry run would be."""
    return 0 if outcome.user_errors else len(lines) - len(outcome.line_outcomes)


async def list_outcomes(info: Info, outcome: Outcome, given: Any) -> list[LineOutcome]:
    """Returns the outcomes of all lines of an input if they are selected, in its order.

    After an addition in one step, and for a retry, products and divisions are looked up again.
    """
    if not selects(info, "outcomes"):
        return []
    if outcome.lines:
        return outcome.lines.outcomes()
    errors = _group_errors(outcome.user_errors)
    if outcome.user_errors and not errors and not _is_of_sums(outcome.user_errors):
        return []
    # Stored are the rejected lines of an input that was accepted; user errors tell the others.
    rejected = {line.index: line for line in outcome.line_outcomes}
    others = [line for line in read_item_lines(given.items) if line.index not in rejected]
    await _resolve(info, others, parse_segment(given.segment_remote_id))
    good = LineStatus.UNCHANGED if outcome.user_errors else LineStatus.ACCEPTED
    for line in others:
        status = LineStatus.REJECTED if line.index in errors else good
        listed = outcome_of_line(line.index, line, status)
        rejected[line.index] = replace(listed, errors=errors.get(line.index, []))
    return [line for _, line in sorted(rejected.items())]


def _group_errors(errors: Sequence[UserError]) -> dict[int, list[UserError]]:
    """Returns the errors of single lines by their index."""
    grouped: dict[int, list[UserError]] = {}
    for error in errors:
        if error.field[:1] == ["items"] and len(error.field) > 1:
            grouped.setdefault(int(error.field[1]), []).append(error)
    return grouped


def _is_of_sums(errors: Sequence[UserError]) -> bool:
    """Whether the lines were checked, and only their sums rejected."""
    return any(error.code is RejectionCode.BASKET_LIMIT_EXCEEDED for error in errors)


async def _resolve(info: Info, lines: Sequence[ItemLine], segment: int) -> None:
    buyer = info.context.buyer
    found = await look_up_known(info.context, segment, keys_of_products(lines))
    divisions = await read_divisions(buyer, keys_of_divisions(lines))
    for line in lines:
        line.resolve(buyer, found, divisions)
