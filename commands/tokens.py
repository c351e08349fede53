"""The commands that administer tokens: issuing, listing and revoking them."""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tortoise.transactions import in_transaction

from commands.administration import (
    AdministrationRejected,
    clean_text,
    record,
    require_user,
)
from commands.database import on_database
from commands.operator import current_operator
from commands.output import show
from models.audit.people import token_issued, token_revoked
from models.audit.record import record_entries
from models.timestamps import now
from models.user import Token, create_token, hash_token

NUMBER_DIGITS = 9
"""The most digits of the number of a token; tokens are longer."""
MAXIMUM_DAYS = 36_500
_BATCH = 1_000


class IssuedToken(NamedTuple):
    """A new token, and its row, which holds only its digest."""

    text: str
    row: Token


async def issue_token(
    email: str, name: str | None = None, days: int | None = None
) -> IssuedToken:
    """Returns a new token of a user, which expires after some days, if they are given."""
    if days is not None and not 1 <= days <= MAXIMUM_DAYS:
        raise AdministrationRejected(
            f"A token of {days} days cannot be issued; 1 to {MAXIMUM_DAYS} are accepted."
        )
    name = None if name is None else clean_text(name, "name of the token")
    user, text = await require_user(email), create_token()
    async with in_transaction():
        row = await Token.create(
            user=user,
            digest=hash_token(text),
            name=name,
            expires_at=None if days is None else now() + timedelta(days=days),
        )
        await record(token_issued(row.id, user.id, row.expires_at))
    return IssuedToken(text, row)


async def list_tokens(email: str | None = None) -> Sequence[Token]:
    """Returns the tokens of a user, or of all users, with their users."""
    tokens = Token.all() if email is None else Token.filter(user=await require_user(email))
    return await tokens.select_related("user").order_by("user__email", "id")


async def revoke_token(token: str) -> int:
    """Revokes a token, named by its number or by itself; returns its number."""
    token = clean_text(token, "token")
    is_number = token.isascii() and token.isdigit() and len(token) <= NUMBER_DIGITS
    key = {"id": int(token)} if is_number else {"digest": hash_token(token)}
    numbers = await _revoke(**key)
    if not numbers:
        raise AdministrationRejected(
            "There is no such token; `token list EMAIL` shows their numbers."
        )
    return numbers[0]


async def revoke_tokens(email: str | None = None) -> Sequence[int]:
    """Revokes the tokens of a user, or of all users; returns their numbers."""
    if email is None:
        return await _revoke()
    return await _revoke(user_id=(await require_user(email)).id)


async def _revoke(**of: object) -> Sequence[int]:
    """Deletes all of some tokens, or none; servers may accept them for TOKEN_KEPT_SECONDS more."""
    async with in_transaction():
        # Locked in one order: a token that another command revokes meanwhile is that one's.
        # Rows and not values: Tortoise locks nothing for lists of values.
        tokens = await Token.filter(**of).order_by("id").select_for_update()
        entries = [token_revoked(token.id, token.user_id) for token in tokens]
        await record_entries(current_operator(), entries)
        numbers = [token.id for token in tokens]
        for part in range(0, len(numbers), _BATCH):
            # In parts, because the number of parameters of a statement is limited.
            await Token.filter(id__in=numbers[part : part + _BATCH]).delete()
        return numbers


@on_database
async def issue(arguments: argparse.Namespace) -> None:
    """Prints a new token, once."""
    issued = await issue_token(arguments.email, arguments.name, arguments.days)
    # Standard output has the token alone, so that a script can take it from there.
    values = token_values(issued.row)
    del values["last_used_at"]
    show(arguments, values | {"token": issued.text}, issued.text)
    print("This is the only time that the token is shown.", file=sys.stderr)


@on_database
async def list_all(arguments: argparse.Namespace) -> None:
    """Lists the tokens of a user, or of all users."""
    tokens = await list_tokens(arguments.email)
    show(arguments, [*map(token_values, tokens)], map(_line, tokens))


@on_database
async def revoke(arguments: argparse.Namespace) -> None:
    """Revokes a token, those of a user, or all."""
    if arguments.token is not None:
        number = await revoke_token(arguments.token)
        show(arguments, {"ids": [number]}, "The token is revoked.")
        return
    numbers = await revoke_tokens(arguments.user)
    count = f"{len(numbers)} token{'' if len(numbers) == 1 else 's'}"
    owner = "all users" if arguments.user is None else arguments.user
    show(arguments, {"ids": numbers}, f"Revoked {count} of {owner}.")


def token_values(token: Token) -> dict[str, Any]:
    """Returns the values of a token, whose user must have been read, as JSON has them."""
    return {
        "id": token.id,
        "email": token.user.email,
        "name": token.name,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
    }


def _line(token: Token) -> str:
    parts = [str(token.id), token.user.email, *([token.name] if token.name else [])]
    parts.append(f"issued {_minute(token.created_at)}")
    if token.expires_at is not None:
        word = "expires" if token.expires_at > now() else "expired"
        parts.append(f"{word} {_minute(token.expires_at)}")
    used = token.last_used_at
    parts.append(
        "never used" if used is None else f"last used {used:%Y-%m-%d} at {used:%H} h UTC"
    )
    return "  ".join(parts)


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
