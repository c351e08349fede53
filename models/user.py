"""Users and their tokens. A token is random, shown once, and kept as a digest only."""

import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from time import monotonic
from typing import NamedTuple

from tortoise import fields
from tortoise.functions import Lower
from tortoise.queryset import QuerySet

from models.database.statements import Row, load_statements
from models.database.table import Table
from models.database.turn import TurnBatch
from models.division import (
    DIVISION_COLUMNS,
    PARENT_COLUMNS,
    Division,
    DivisionRead,
    DivisionType,
    division_from_row,
)
from models.person import ERASED_DOMAIN, is_nameless
from models.rejections import Rejection, RejectionCode
from models.timestamps import now, parse_timestamp
from text import MAXIMUM_LENGTH


class User(Table):
    """A user's row, within one division.

    E-mail addresses that differ in the case of letters only are the same, which a unique index on
    the address in lower case holds; a migration makes it, because Tortoise has no word for it. Some
    databases know the case of ASCII letters only: look other addresses up by `find_user`.
    """

    id = fields.IntField(primary_key=True)
    email = fields.CharField(max_length=MAXIMUM_LENGTH, unique=True)
    first_name = fields.CharField(max_length=MAXIMUM_LENGTH)
    last_name = fields.CharField(max_length=MAXIMUM_LENGTH)
    division: fields.ForeignKeyRelation[Division] = fields.ForeignKeyField(
        "models.Division", related_name="users", on_delete=fields.RESTRICT
    )
    is_active = fields.BooleanField(default=True)

    class Meta:
        table = "user_account"


def people() -> QuerySet[User]:
    """Returns all users but the nameless ones, to whom the quotations of erased people belong."""
    return User.exclude(email__endswith=f"@{ERASED_DOMAIN}")


class BuyerErased(Exception):
    """Raised when a buyer was erased while their request was running."""


class Token(Table):
    """One token of a user, as a digest. Revoking it deletes the row.

    Of its last use only the hour is noted, so that most requests write nothing.
    """

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="tokens"
    )
    user_id: int
    digest = fields.CharField(max_length=64, unique=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    name = fields.CharField(max_length=MAXIMUM_LENGTH, null=True)
    expires_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "token"


async def is_known(user_id: int) -> bool:
    """Whether a user is there, and not erased."""
    return await User.exists(id=user_id)


def create_token() -> str:
    """Returns a random token of 256 bits, which scanners for leaked secrets know by its start."""
    return f"basket_{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> str:
    """Returns the hash that is stored of a token; 256 random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


async def find_user(email: str) -> User | None:
    """Reads a user by their e-mail address in any case of letters; None when there is none."""
    if is_nameless(email):
        return None
    users = User.annotate(lower_email=Lower("email"))
    user = await users.get_or_none(lower_email=email.lower())
    if user is not None:
        return user
    if email.isascii():
        return None
    # SQLite lowers ASCII letters only. Reading everyone is slow, but only commands of an
    # administrator look a user up, never a request.
    folded = email.casefold()
    return next(
        (user for user in await User.all() if user.email.casefold() == folded), None
    )


@dataclass(frozen=True, slots=True)
class Buyer:
    """An authenticated, active user with their division."""

    id: int
    email: str
    first_name: str
    last_name: str
    division: DivisionRead

    def may_buy_for(self, division: DivisionRead) -> bool:
        """Whether the division is the buyer's own or, for a main division, one below it."""
        if division.id == self.division.id:
            return True
        is_main = self.division.type is DivisionType.MAIN
        return (
            is_main
            and division.parent is not None
            and division.parent.id == self.division.id
        )

    def check_may_buy_for(self, division: DivisionRead) -> None:
        """Raises DIVISION_NOT_ALLOWED or DIVISION_INACTIVE, with an empty path."""
        if not self.may_buy_for(division):
            raise Rejection(
                RejectionCode.DIVISION_NOT_ALLOWED,
                f"You may not buy for division {division.erp_code}: it is neither your own "
                f"division ({self.division.erp_code}) nor one below it.",
            )
        if not division.is_active:
            raise Rejection(
                RejectionCode.DIVISION_INACTIVE,
                f"Division {division.erp_code} is inactive.",
            )

    def check_active(self) -> None:
        """Raises DIVISION_INACTIVE when the buyer's own division is closed, which stops them."""
        if not self.division.is_active:
            raise Rejection(
                RejectionCode.DIVISION_INACTIVE,
                f"Your division {self.division.erp_code} is inactive.",
            )


_STATEMENTS = load_statements(__file__, division=DIVISION_COLUMNS, parent=PARENT_COLUMNS)


class LetIn(NamedTuple):
    """An active user, and for how many seconds their token lets them in."""

    buyer: Buyer
    seconds: float


async def _find_buyers(digests: Sequence[str]) -> Mapping[str, LetIn]:
    """Reads the active users that the tokens with these digests belong to, by the digests."""
    rows = await _STATEMENTS["buyers_with_tokens"].rows(digests=digests)
    found = {row["digest"]: _let_in(row) for row in rows}
    return {digest: let_in for digest, let_in in found.items() if let_in.seconds > 0}


def _let_in(row: Row) -> LetIn:
    buyer = Buyer(
        id=row["id"],
        email=row["email"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        division=division_from_row(row),
    )
    return LetIn(buyer, _seconds_until(row["expires_at"]))


def _seconds_until(expires_at: datetime | str | None) -> float:
    if expires_at is None:
        return inf
    return (parse_timestamp(expires_at) - now()).total_seconds()


async def find_unusable_tokens(
    given: Mapping[str, Collection[str] | None],
) -> Mapping[str, str]:
    """Returns those tokens that let nobody buy now, with the reason: `token` or `division`.

    The values are the main divisions whose users a token may let in; None is all.
    """
    rows = await _STATEMENTS["token_states"].rows(digests=list(given), now=now())
    unusable: dict[str, str] = {}
    for row in rows:
        divisions = given[row["digest"]]
        if divisions is not None and row["main_erp_code"] not in divisions:
            unusable[row["digest"]] = "token"
        elif row["reason"] is not None:
            unusable[row["digest"]] = row["reason"]
    return unusable


MAXIMUM_BUYERS = 10_000
"""The highest number of buyers in the cache."""


class Buyers:
    """Finds buyers by their tokens, and caches those that were let in for a few seconds.

    So a revoked token, a deactivated user or a closed division is noticed `kept_seconds` later at
    the latest. Tokens that are not let in are looked up every time. Only digests are cached.
    """

    def __init__(
        self, kept_seconds: float, note_use: Callable[[str], None] = lambda digest: None
    ) -> None:
        self._kept_seconds = kept_seconds
        self._note_use = note_use
        self._known: dict[str, tuple[float, Buyer]] = {}
        self._look_ups = TurnBatch(_find_buyers)

    def find_known(self, digest: str) -> Buyer | None:
        """Returns the user of a token that was looked up a short time ago, else None."""
        known = self._known.get(digest)
        if known is None or monotonic() >= known[0]:
            return None
        self._note_use(digest)
        return known[1]

    async def find(self, digest: str) -> Buyer | None:
        """Returns the active user whose token has this digest; None when there is none."""
        if known := self.find_known(digest):
            return known
        # A result is as old as the time before the reading, not after it.
        asked_at = monotonic()
        self._known.pop(digest, None)
        let_in = await self._look_ups.find(digest)
        if let_in is None:
            return None
        self._note_use(digest)
        if self._kept_seconds > 0:
            # A token that expires sooner is not remembered beyond that.
            self._store(
                digest, asked_at + min(self._kept_seconds, let_in.seconds), let_in.buyer
            )
        return let_in.buyer

    def forget(self, digest: str) -> None:
        """Looks a token up anew when it is used next."""
        self._known.pop(digest, None)

    def _store(self, digest: str, until: float, buyer: Buyer) -> None:
        # Dictionaries keep the order of insertion, so the entry that was looked up first goes
        # first.
        while len(self._known) >= MAXIMUM_BUYERS:
            del self._known[next(iter(self._known))]
        self._known[digest] = (until, buyer)
