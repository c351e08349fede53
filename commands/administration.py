"""Administration of divisions, users and tokens; rejections say how to correct an input."""

from collections.abc import Sequence
from datetime import datetime

from tortoise.exceptions import IntegrityError

from models.division import Division, DivisionType
from models.user import Token, User, create_token, find_user, hash_token
from text import find_flaw, is_blank, trim

NUMBER_DIGITS = 9
"""The most digits of the number of a token; tokens are longer."""


class AdministrationRejected(Exception):
    """Raised when a command's input is rejected; the message names the value and the reason."""


def clean_text(text: str, name: str) -> str:
    """Returns a trimmed text; raises AdministrationRejected when it is blank or not accepted."""
    text = trim(text)
    if is_blank(text):
        raise AdministrationRejected(f"The {name} is blank.")
    if flaw := find_flaw(text):
        raise AdministrationRejected(f"The {name} {flaw}.")
    return text


async def find_division(erp_code: str) -> Division:
    """Returns a division by its ERP code."""
    erp_code = clean_text(erp_code, "ERP code")
    division = await Division.get_or_none(erp_code=erp_code).select_related("parent")
    if division is None:
        raise AdministrationRejected(
            f"There is no division {erp_code!r}; `division list` shows those there are."
        )
    return division


async def add_division(erp_code: str, name: str, parent: str | None) -> Division:
    """Adds a main division or, with a parent, a sub-division."""
    main = await find_division(parent) if parent is not None else None
    if main is not None and main.type is DivisionType.SUB:
        raise AdministrationRejected(
            f"Division {parent!r} is a sub-division; a sub-division's parent is a main division."
        )
    try:
        return await Division.create(
            erp_code=clean_text(erp_code, "ERP code"),
            name=clean_text(name, "name"),
            type=DivisionType.SUB if main else DivisionType.MAIN,
            parent=main,
        )
    except IntegrityError:
        raise AdministrationRejected(f"There is a division {erp_code!r} already.") from None


async def list_divisions() -> Sequence[Division]:
    """Returns all divisions, each main division before its sub-divisions."""
    divisions = await Division.all().select_related("parent").order_by("erp_code")
    return sorted(
        divisions,
        key=lambda division: (
            _family(division),
            division.parent is not None,
            division.erp_code,
        ),
    )


def _family(division: Division) -> str:
    return division.parent.erp_code if division.parent else division.erp_code


async def set_division_active(erp_code: str, is_active: bool) -> None:
    """Opens or closes a division."""
    division = await find_division(erp_code)
    await Division.filter(id=division.id).update(is_active=is_active)


async def require_user(email: str) -> User:
    """Returns a user by their e-mail address."""
    email = clean_text(email, "e-mail address")
    user = await find_user(email)
    if user is None:
        raise AdministrationRejected(
            f"There is no user {email!r}; `user list` shows those there are."
        )
    return user


async def add_user(email: str, first_name: str, last_name: str, erp_code: str) -> User:
    """Adds a user to a division."""
    division = await find_division(erp_code)
    email = clean_text(email, "e-mail address")
    name, at, domain = email.partition("@")
    if not (name and at and domain) or any(map(is_blank, email)):
        raise AdministrationRejected(f"{email!r} is not an e-mail address.")
    if await find_user(email):
        raise AdministrationRejected(f"There is a user {email!r} already.")
    try:
        return await User.create(
            email=email,
            first_name=clean_text(first_name, "first name"),
            last_name=clean_text(last_name, "last name"),
            division=division,
        )
    except IntegrityError:
        # Another command has added the user since the check.
        raise AdministrationRejected(f"There is a user {email!r} already.") from None


async def list_users() -> Sequence[User]:
    """Returns all users with their divisions, by e-mail address."""
    return await User.all().select_related("division").order_by("email")


async def set_user_active(email: str, is_active: bool) -> None:
    """Lets a user in, or keeps them out."""
    user = await require_user(email)
    await User.filter(id=user.id).update(is_active=is_active)


async def issue_token(email: str) -> str:
    """Returns a new token of a user; only its digest is stored, so it is shown only once."""
    token = create_token()
    await Token.create(user=await require_user(email), digest=hash_token(token))
    return token


async def list_tokens(email: str) -> Sequence[tuple[int, datetime]]:
    """Returns the number and the time of issue of each token of a user."""
    tokens = await Token.filter(user=await require_user(email)).order_by("id")
    return [(token.id, token.created_at) for token in tokens]


async def revoke_token(token: str) -> None:
    """Revokes a token, named by its number or by itself."""
    token = clean_text(token, "token")
    is_number = token.isascii() and token.isdigit() and len(token) <= NUMBER_DIGITS
    key = {"id": int(token)} if is_number else {"digest": hash_token(token)}
    # Servers that have the token in their cache accept it for TOKEN_KEPT_SECONDS more.
    if not await Token.filter(**key).delete():
        raise AdministrationRejected(
            "There is no such token; `token list EMAIL` shows their numbers."
        )
