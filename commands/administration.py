"""Administration of divisions and users; rejections say how to correct an input."""

from collections.abc import Sequence
from typing import Any

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from commands.operator import current_operator
from models import person
from models.audit.people import (
    division_added,
    division_changed,
    user_added,
    user_changed,
)
from models.audit.record import Entry, record_entries
from models.division import Division, DivisionType
from models.personal_data.erase import readmit
from models.user import User, find_user, people


class AdministrationRejected(Exception):
    """Raised when a command's input is rejected; the message names the value and the reason."""


def clean_text(text: str, name: str) -> str:
    """Returns a trimmed text; raises AdministrationRejected when it is blank or not accepted."""
    try:
        return person.accept_text(text, name)
    except person.InvalidText as flaw:
        raise AdministrationRejected(str(flaw)) from None


def clean_email(text: str) -> str:
    """Returns a trimmed e-mail address; raises AdministrationRejected when it cannot be one."""
    try:
        return person.accept_email(text)
    except person.InvalidText as flaw:
        raise AdministrationRejected(str(flaw)) from None


async def record(entry: Entry) -> None:
    """Records a change by the user of this command, in the transaction of the change."""
    await record_entries(current_operator(), [entry])


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
    values: dict[str, Any] = {
        "erp_code": clean_text(erp_code, "ERP code"),
        "name": clean_text(name, "name"),
    }
    type = DivisionType.SUB if main else DivisionType.MAIN
    try:
        async with in_transaction():
            division = await Division.create(**values, type=type, parent=main)
            await record(division_added(division))
            return division
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
    activity = {"is_active": is_active}
    async with in_transaction():
        # Not every change: a division that is open already is not opened.
        others = Division.filter(id=division.id).exclude(**activity)
        if await others.update(**activity):
            before = {"is_active": not is_active}
            await record(division_changed(division.id, before, activity))


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
    email = clean_email(email)
    if await find_user(email):
        raise AdministrationRejected(f"There is a user {email!r} already.")
    names: dict[str, Any] = {
        "first_name": clean_text(first_name, "first name"),
        "last_name": clean_text(last_name, "last name"),
    }
    try:
        async with in_transaction():
            # The one way back for someone erased: an operator's word.
            await readmit(email)
            user = await User.create(email=email, **names, division=division)
            await record(user_added(user))
            return user
    except IntegrityError:
        # Another command has added the user since the check.
        raise AdministrationRejected(f"There is a user {email!r} already.") from None


async def list_users() -> Sequence[User]:
    """Returns all users with their divisions, by e-mail address."""
    return await people().select_related("division").order_by("email")


async def set_user_active(email: str, is_active: bool) -> User:
    """Lets a user in, or keeps them out; returns the user as found."""
    user = await require_user(email)
    activity = {"is_active": is_active}
    async with in_transaction():
        if await User.filter(id=user.id).exclude(**activity).update(**activity):
            before = {"is_active": not is_active}
            await record(user_changed(user.id, before, activity))
    return user
