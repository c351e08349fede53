"""Outcomes as they are stored with an idempotency key: one JSON object with a format number.

Format 2 has the following names, each of which is left out where there is nothing to say. So
`{"format": 2, "basket": 17, "version": 5}` is the whole outcome of an accepted addition. Format 3
has `lists` too, and is written only where there are long ones.

- `basket` and `version`: the id of the changed basket, and its version after the change;
- `displaced`, `quotation`, `export`: ids of others that are read again;
- `deleted`: the id of the basket that is gone;
- `removed`, `unavailable`: ids of items, a run of consecutive ones as its first and its last;
- `price_changes`: the columns of the changed prices, a list each;
- `lists`: which of these three are left out for their length, and read again;
- `report`: the report of an import;
- `accepted`: how many lines were carried out, and `outcomes` of single lines: each with the number
  of its division, which is read again;
- `problems`: for which a basket was rejected, each of an item, and the basket, which is read again;
- `user_errors`: why the input was rejected.

A server leaves unread the names that it does not know: they are for fields that its schema lacks
too. A change after which older servers would answer wrongly needs the next format.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, fields
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar, cast

import orjson

from models.basket.problems import Problem, ProblemCode
from models.basket.read import ITEMS, OWN
from models.basket.rows import BasketRows, FullBasket
from models.export.export import find_own_export
from models.history.retain import VersionKey
from models.quotation import find_own_quotation
from models.rejections import RejectionCode
from models.user import Buyer
from resolvers.context import Context
from resolvers.divisions import read_divisions
from resolvers.outcome import Outcome
from resolvers.outcome_lists import (
    IN_LINES,
    OutcomeLists,
    recall_lists,
    shorten,
    unreadable,
)
from schema.division import Division
from schema.line_outcome import LineOutcome, LineStatus
from schema.node import IdKind, number_of
from schema.outcome import ImportReport
from schema.user_error import ImportRowError, UserError

FORMAT = 2
"""The format of outcomes that are written here, but for long lists."""
LISTS_FORMAT = 3
"""The format of outcomes whose lists are read again."""
READABLE = frozenset({2, 3})
"""The formats that are read here: a new one is read by one release before the next writes it."""

Made = TypeVar("Made")
AnyEnum = TypeVar("AnyEnum", bound=StrEnum)


class StoredOutcome(NamedTuple):
    """An outcome as JSON, and the version whose lines the history has to retain as long; or None.

    `is_complete` is false where lists are too long that no version has: that of a dry run.
    """

    text: str
    retained: VersionKey | None
    is_complete: bool


def outcome_to_text(outcome: Outcome) -> StoredOutcome:
    """Returns an outcome as it is stored with its key."""
    basket, displaced = _only(outcome.baskets), _only(outcome.displaced)
    lists, left_out = shorten(_lists_of(outcome))
    values = {
        "basket": basket.get("id"),
        "version": basket.get("version"),
        "displaced": displaced.get("id"),
        "deleted": outcome.deleted_id,
        "quotation": outcome.quotation and outcome.quotation.id,
        "export": outcome.export and outcome.export.id,
        **lists,
        "lists": left_out,
        "report": outcome.report and asdict(outcome.report),
        "accepted": outcome.accepted_count,
        "outcomes": [_line_to_values(line) for line in outcome.line_outcomes],
        "problems": _problems_to_values(outcome),
        "user_errors": [asdict(error) for error in outcome.user_errors],
    }
    said = {name: value for name, value in values.items() if value}
    text = orjson.dumps({"format": LISTS_FORMAT if left_out else FORMAT, **said}).decode()
    is_in_lines = not IN_LINES.isdisjoint(left_out)
    key = VersionKey(basket["id"], basket["version"]) if is_in_lines else None
    return StoredOutcome(text, key, outcome.is_recorded or key is None)


async def recall_outcome(
    text: str, context: Context, read: Callable[[int], Awaitable[BasketRows]]
) -> Outcome:
    """Returns a stored outcome, with its baskets and the like as they are now; None when gone.

    Raises INVALID_INPUT for an outcome of another release that this one cannot read; it stays
    stored.
    """
    values = _parse(text)
    export_id, quotation_id = values.get("export"), values.get("quotation")
    user_id = context.buyer.id
    export = await find_own_export(user_id, export_id) if export_id else None
    baskets = await _read(values.get("basket"), read)
    return Outcome(
        baskets=baskets,
        displaced=await _read(values.get("displaced"), read),
        quotation=await find_own_quotation(user_id, quotation_id) if quotation_id else None,
        export=export,
        export_url=await context.exports.address(export) if export else None,
        deleted_id=values.get("deleted"),
        **(await recall_lists(values, has_basket=baskets is not None))._asdict(),
        report=_report(values.get("report")),
        accepted_count=values.get("accepted", 0),
        line_outcomes=await _lines(context.buyer, values.get("outcomes", ())),
        **await _read_problems(values.get("problems"), context),
        user_errors=[_make(UserError, error) for error in values.get("user_errors", ())],
    )


def _lists_of(outcome: Outcome) -> OutcomeLists:
    return OutcomeLists(outcome.price_changes, outcome.removed, outcome.unavailable)


def _only(read: BasketRows | None) -> Mapping[str, Any]:
    return read.baskets[0].columns if read else {}


async def _read(
    basket_id: int | None, read: Callable[[int], Awaitable[BasketRows]]
) -> BasketRows | None:
    rows = await read(basket_id) if basket_id else None
    return rows if rows and rows.baskets else None


def _parse(text: str) -> dict[str, Any]:
    values: dict[str, Any] = orjson.loads(text)
    stored = values.get("format")
    if stored not in READABLE:
        readable = " and ".join(map(str, sorted(READABLE)))
        raise unreadable(f"in format {stored}, and this server reads {readable}")
    return values


def _report(values: Mapping[str, Any] | None) -> ImportReport | None:
    if values is None:
        return None
    errors = [_make(ImportRowError, error) for error in values["row_errors"]]
    return _make(ImportReport, {**values, "row_errors": errors})


def _line_to_values(line: LineOutcome) -> dict[str, Any]:
    division = line.division and number_of(IdKind.DIVISION, line.division.id)
    errors = [asdict(error) for error in line.errors]
    values = {**vars(line), "division": division, "errors": errors}
    return {name: value for name, value in values.items() if value not in (None, [])}


async def _lines(buyer: Buyer, lines: Sequence[Mapping[str, Any]]) -> list[LineOutcome]:
    # Read again, for the buyer may no longer buy for a division, and then it is not shown.
    numbers = {line["division"] for line in lines if "division" in line}
    divisions = await read_divisions(buyer, numbers) if numbers else {}
    shown = {
        number: Division.of(division)
        for number, division in divisions.items()
        if buyer.may_buy_for(division)
    }
    return [
        LineOutcome(
            index=line["index"],
            status=_known(LineStatus, "line status", line["status"]),
            product_remote_id=line.get("product_remote_id"),
            sku=line.get("sku"),
            division=shown.get(line.get("division", "")),
            quantity=line.get("quantity"),
            errors=[_make(UserError, error) for error in line.get("errors", ())],
        )
        for line in lines
    ]


def _problems_to_values(outcome: Outcome) -> dict[str, Any] | None:
    rows = outcome.problem_rows
    if rows is None:
        return None
    found = [
        {"item": rows.item_ids[each.position], **each._asdict()}
        for each in outcome.problems
    ]
    return {"basket": rows.columns["id"], "found": found}


async def _read_problems(
    values: Mapping[str, Any] | None, context: Context
) -> dict[str, Any]:
    """Returns the stored problems of the items that the basket still has."""
    if values is None:
        return {}
    read = await OWN.read(
        context.catalogue, ITEMS, user_id=context.buyer.id, basket_id=values["basket"]
    )
    rows = next(iter(read.full_baskets()), None)
    indexes = {item: index for index, item in enumerate(rows.item_ids)} if rows else {}
    problems = [
        Problem(
            _known(ProblemCode, "code", each["code"]),
            indexes[each["item"]],
            each["message"],
            each["division_id"],
        )
        for each in values["found"]
        if each["item"] in indexes
    ]
    shown = [each for each in problems if rows and _is_shown(each, rows)]
    return {"problem_rows": rows, "problems": shown}


def _is_shown(problem: Problem, rows: FullBasket) -> bool:
    # The item may be there for other divisions alone.
    return problem.division_id is None or problem.division_id in rows.divisions


def _make(kind: type[Made], values: Mapping[str, Any]) -> Made:
    """Makes an object of the values that its type knows."""
    names = [field.name for field in fields(cast(Any, kind)) if field.name in values]
    return kind(**{name: _read_value(name, values[name]) for name in names})


def _read_value(name: str, value: Any) -> Any:
    return _known(RejectionCode, name, value) if name == "code" else value


def _known(kind: type[AnyEnum], name: str, value: str) -> AnyEnum:
    """Returns a member of an enum; raises INVALID_INPUT for one that only a newer server knows."""
    try:
        return kind(value)
    except ValueError:
        reason = f"with the {name} {value}, which this server does not know"
        raise unreadable(reason) from None
