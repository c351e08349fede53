"""The commands that administer divisions and users."""

import argparse
from typing import Any

from commands import administration
from commands.database import on_database
from commands.output import show
from models.audit.people import division_values, user_values
from models.division import Division


@on_database
async def division_add(arguments: argparse.Namespace) -> None:
    """Adds a division."""
    division = await administration.add_division(
        arguments.erp_code, arguments.name, arguments.parent
    )
    kind = division.type.lower()
    text = f"Added the {kind} division {division.erp_code}, {division.name}."
    show(arguments, division_values(division), text)


@on_database
async def division_list(arguments: argparse.Namespace) -> None:
    """Lists all divisions, sub-divisions below their main division."""
    divisions = await administration.list_divisions()
    show(arguments, [*map(division_values, divisions)], map(_division_line, divisions))


def _division_line(division: Division) -> str:
    indent = "  " if division.parent else ""
    closed = "" if division.is_active else "  (inactive)"
    return f"{indent}{division.erp_code}  {division.name}{closed}"


@on_database
async def division_activity(arguments: argparse.Namespace) -> None:
    """Makes a division active or inactive."""
    await administration.set_division_active(arguments.erp_code, arguments.is_active)
    text = f"Division {arguments.erp_code} is {_activity(arguments)}."
    show(arguments, _activity_values(arguments, "erp_code"), text)


@on_database
async def user_add(arguments: argparse.Namespace) -> None:
    """Adds a user."""
    user = await administration.add_user(
        arguments.email, arguments.first_name, arguments.last_name, arguments.division
    )
    text = (
        f"Added the user {user.email}. Give them a token with: "
        f"python server.py token issue {user.email}"
    )
    show(arguments, user_values(user), text)


@on_database
async def user_list(arguments: argparse.Namespace) -> None:
    """Lists all users."""
    users = await administration.list_users()
    lines = (
        f"{user.email}  {user.first_name} {user.last_name}  {user.division.erp_code}"
        f"{'' if user.is_active else '  (inactive)'}"
        for user in users
    )
    show(arguments, [*map(user_values, users)], lines)


@on_database
async def user_activity(arguments: argparse.Namespace) -> None:
    """Makes a user active or inactive."""
    user = await administration.set_user_active(arguments.email, arguments.is_active)
    text = f"User {user.email} is {_activity(arguments)}."
    show(arguments, {"email": user.email, "is_active": arguments.is_active}, text)


def _activity(arguments: argparse.Namespace) -> str:
    return "active" if arguments.is_active else "inactive"


def _activity_values(arguments: argparse.Namespace, name: str) -> dict[str, Any]:
    return {name: getattr(arguments, name), "is_active": arguments.is_active}
