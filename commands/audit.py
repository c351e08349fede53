"""The command that shows who made which change: people, and the history of baskets."""

import argparse
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from commands.administration import AdministrationRejected, find_division, require_user
from commands.database import on_database
from commands.output import show
from models.audit.read import AuditFilter, AuditRead, Period, read_entries
from models.audit.tables import AuditAction
from models.division import Division
from models.history.search import FoundChange, HistoryFilter, search_changes
from models.history.tables import ChangeKind
from models.product.tables import Product
from models.timestamps import format_timestamp
from models.user import User

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
MAXIMUM_LIMIT = 10_000


@on_database
async def audit(arguments: argparse.Namespace) -> None:
    """Shows audited changes or, with --baskets, the history of baskets."""
    if not 1 <= arguments.limit <= MAXIMUM_LIMIT:
        raise AdministrationRejected(
            f"--limit is {arguments.limit}; it is from 1 to {MAXIMUM_LIMIT}."
        )
    if arguments.baskets:
        await _show_baskets(arguments)
    else:
        await _show_entries(arguments)


async def _show_entries(arguments: argparse.Namespace) -> None:
    # Ignored, it would show changes of people as if they were of that product.
    if arguments.product is not None:
        raise AdministrationRejected("--product filters baskets: add --baskets.")
    wanted = AuditFilter(
        await _user_id(arguments.user),
        await _division_id(arguments.division),
        _one_of(arguments.action, list(AuditAction)),
        _period(arguments),
    )
    entries = await read_entries(wanted, arguments.limit)
    values = [entry._asdict() for entry in entries]
    show(arguments, values, [_describe(entry) for entry in entries])


async def _show_baskets(arguments: argparse.Namespace) -> None:
    wanted = HistoryFilter(
        await _user_id(arguments.user),
        await _division_id(arguments.division),
        await _product_ids(arguments.product),
        _one_of(arguments.action, list(ChangeKind)),
        _period(arguments).condition(),
    )
    changes = await search_changes(wanted, arguments.limit)
    names = await _Names.read(changes)
    # The lines of a change may be thousands: people get those that they have asked for.
    has_lines = arguments.product is not None or arguments.division is not None
    texts = (line for each in changes for line in names.describe(each, has_lines))
    show(arguments, [names.values(change) for change in changes], texts)


async def _user_id(user: str | None) -> int | None:
    """Returns the number of a user that is named by e-mail address, or by the number itself."""
    if user is None:
        return None
    # The entries of an erased person are found by their number only.
    if user.isascii() and user.isdigit() and len(user) < 10:
        return int(user)
    return (await require_user(user)).id


async def _division_id(erp_code: str | None) -> int | None:
    return None if erp_code is None else (await find_division(erp_code)).id


async def _product_ids(sku: str | None) -> list[int] | None:
    if sku is None:
        return None
    ids: Any = await Product.filter(sku=sku).values_list("id", flat=True)
    if not ids:
        raise AdministrationRejected(f"There is no product with the SKU {sku!r}.")
    return list(ids)


def _one_of(word: str | None, words: Sequence[str]) -> str | None:
    """Returns an action in its own letter case; raises AdministrationRejected."""
    if word is None:
        return None
    if word.upper() not in words:
        raise AdministrationRejected(
            f"There is no action {word!r}; the actions are {', '.join(words)}."
        )
    return word.upper()


def _period(arguments: argparse.Namespace) -> Period:
    since = _timestamp("--since", arguments.since, timedelta(0))
    # A day as the end is a whole day.
    return Period(since, _timestamp("--until", arguments.until, timedelta(days=1)))


def _timestamp(option: str, text: str | None, day: timedelta) -> datetime | None:
    if text is None:
        return None
    try:
        value = datetime.fromisoformat(text)
        value = value if value.tzinfo else value.replace(tzinfo=UTC)
        return value + day if _DAY.fullmatch(text) else value
    except (ValueError, OverflowError):
        raise AdministrationRejected(
            f"{option} is {text!r}; it is a day such as 2026-11-30, "
            "or a time such as 2026-11-30T14:00, in UTC unless it says otherwise."
        ) from None


def _describe(entry: AuditRead) -> str:
    who = entry.actor if entry.actor_user_id is None else f"user {entry.actor_user_id}"
    return "  ".join(
        part
        for part in (
            _minute(entry.created_at),
            who,
            entry.action,
            entry.user or (f"user {entry.user_id}" if entry.user_id else ""),
            entry.division or "",
            ", ".join(_differences(entry)),
        )
        if part
    )


def _differences(entry: AuditRead) -> Iterator[str]:
    before, after = entry.before, entry.after
    if before and after:
        yield from (
            f"{name} {_word(before.get(name))} → {_word(after[name])}" for name in after
        )
    elif values := before or after:
        yield from (f"{name} {_word(value)}" for name, value in values.items())


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _minute(timestamp: datetime) -> str:
    return f"{timestamp.astimezone(UTC):%Y-%m-%d %H:%M}"


class _Names:
    """The names of users, products and divisions that changes have the numbers of."""

    def __init__(
        self, emails: dict[int, str], skus: dict[int, str], erp_codes: dict[int, str]
    ) -> None:
        self._emails = emails
        self._skus = skus
        self._erp_codes = erp_codes

    @classmethod
    async def read(cls, changes: Sequence[FoundChange]) -> "_Names":
        """Reads the names for some changes."""
        lines = [line for change in changes for line in change.lines or ()]
        authors = {row.user_id for row, _ in changes if row.user_id is not None}
        users: Any = User.filter(id__in=list(authors))
        divisions: Any = await Division.all().values_list("id", "erp_code")
        skus: dict[int, str] = {}
        products = list({line.product_id for line in lines})
        # SQLite takes few parameters in one statement.
        for begin in range(0, len(products), 500):
            part: Any = Product.filter(id__in=products[begin : begin + 500])
            skus |= dict(await part.values_list("id", "sku"))
        return cls(dict(await users.values_list("id", "email")), skus, dict(divisions))

    def values(self, change: FoundChange) -> dict[str, Any]:
        """Returns a change for JSON; amounts are texts, as in the API."""
        row = change.row
        return {
            "created_at": format_timestamp(row.created_at),
            "basket": row.basket.id,
            "version": row.version,
            "kind": row.kind,
            "origin": row.origin,
            "owner": row.basket.user.email,
            "author": self._emails.get(row.user_id or 0),
            "line_count": row.line_count,
            "lines": None if change.lines is None else [*map(self._line, change.lines)],
        }

    def _line(self, line: Any) -> dict[str, Any]:
        return {
            "sku": self._skus.get(line.product_id),
            "division": self._erp_codes.get(line.division_id),
            "quantity_before": line.quantity_before,
            "quantity_after": line.quantity_after,
        }

    def describe(self, change: FoundChange, has_lines: bool) -> Iterator[str]:
        """Yields a change for people, and its lines below it."""
        values = self.values(change)
        author = values["author"] or "the command line"
        yield (
            f"{_minute(change.row.created_at)}  {author}  basket {values['basket']} "
            f"version {values['version']}  {values['kind']}  {values['line_count']} lines"
        )
        for line in values["lines"] or () if has_lines else ():
            yield (
                f"  {line['sku']}  {line['division'] or 'all divisions'}  "
                f"{line['quantity_before']} → {line['quantity_after']}"
            )
