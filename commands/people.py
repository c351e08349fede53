"""The commands that administer divisions, users and tokens."""

import argparse
import sys

from commands import administration
from commands.database import on_database


@on_database
async def division_add(given: argparse.Namespace) -> None:
    """Adds a division."""
    division = await administration.add_division(given.erp_code, given.name, given.parent)
    print(
        f"Added the {division.type.lower()} division {division.erp_code}, {division.name}."
    )


@on_database
async def division_list(given: argparse.Namespace) -> None:
    """Lists all divisions, sub-divisions below their main division."""
    for division in await administration.list_divisions():
        indent = "  " if division.parent else ""
        closed = "" if division.is_active else "  (inactive)"
        print(f"{indent}{division.erp_code}  {division.name}{closed}")


@on_database
async def division_activity(given: argparse.Namespace) -> None:
    """Makes a division active or inactive."""
    await administration.set_division_active(given.erp_code, given.is_active)
    print(f"Division {given.erp_code} is {'active' if given.is_active else 'inactive'}.")


@on_database
async def user_add(given: argparse.Namespace) -> None:
    """Adds a user."""
    user = await administration.add_user(
        given.email, given.first_name, given.last_name, given.division
    )
    print(
        f"Added the user {user.email}. Give them a token with: python server.py token issue {user.email}"
    )


@on_database
async def user_list(given: argparse.Namespace) -> None:
    """Lists all users."""
    for user in await administration.list_users():
        inactive = "" if user.is_active else "  (inactive)"
        print(
            f"{user.email}  {user.first_name} {user.last_name}  {user.division.erp_code}{inactive}"
        )


@on_database
async def user_activity(given: argparse.Namespace) -> None:
    """Makes a user active or inactive."""
    await administration.set_user_active(given.email, given.is_active)
    print(f"User {given.email} is {'active' if given.is_active else 'inactive'}.")


@on_database
async def token_issue(given: argparse.Namespace) -> None:
    """Prints a new token, once."""
    print(await administration.issue_token(given.email))
    print("This is the only time that the token is shown.", file=sys.stderr)


@on_database
async def token_list(given: argparse.Namespace) -> None:
    """Lists the tokens of a user."""
    for number, issued_at in await administration.list_tokens(given.email):
        print(f"{number}  issued {issued_at:%Y-%m-%d %H:%M} UTC")


@on_database
async def token_revoke(given: argparse.Namespace) -> None:
    """Revokes a token."""
    await administration.revoke_token(given.token)
    print("The token is revoked.")
