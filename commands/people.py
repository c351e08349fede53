"""The commands that administer divisions, users and tokens."""

import argparse
import sys

from commands import administration
from commands.database import on_database


@on_database
async def division_add(arguments: argparse.Namespace) -> None:
    """Adds a division."""
    division = await administration.add_division(
        arguments.erp_code, arguments.name, arguments.parent
    )
    print(
        f"Added the {division.type.lower()} division {division.erp_code}, {division.name}."
    )


@on_database
async def division_list(arguments: argparse.Namespace) -> None:
    """Lists all divisions, sub-divisions below their main division."""
    for division in await administration.list_divisions():
        indent = "  " if division.parent else ""
        closed = "" if division.is_active else "  (inactive)"
        print(f"{indent}{division.erp_code}  {division.name}{closed}")


@on_database
async def division_activity(arguments: argparse.Namespace) -> None:
    """Makes a division active or inactive."""
    await administration.set_division_active(arguments.erp_code, arguments.is_active)
    print(
        f"Division {arguments.erp_code} is {'active' if arguments.is_active else 'inactive'}."
    )


@on_database
async def user_add(arguments: argparse.Namespace) -> None:
    """Adds a user."""
    user = await administration.add_user(
        arguments.email, arguments.first_name, arguments.last_name, arguments.division
    )
    print(
        f"Added the user {user.email}. Give them a token with: "
        f"python server.py token issue {user.email}"
    )


@on_database
async def user_list(arguments: argparse.Namespace) -> None:
    """Lists all users."""
    for user in await administration.list_users():
        inactive = "" if user.is_active else "  (inactive)"
        print(
            f"{user.email}  {user.first_name} {user.last_name}  {user.division.erp_code}{inactive}"
        )


@on_database
async def user_activity(arguments: argparse.Namespace) -> None:
    """Makes a user active or inactive."""
    await administration.set_user_active(arguments.email, arguments.is_active)
    print(f"User {arguments.email} is {'active' if arguments.is_active else 'inactive'}.")


@on_database
async def token_issue(arguments: argparse.Namespace) -> None:
    """Prints a new token, once."""
    # Standard output has the token alone, so that a script can take it from there.
    print(await administration.issue_token(arguments.email))
    print("This is the only time that the token is shown.", file=sys.stderr)


@on_database
async def token_list(arguments: argparse.Namespace) -> None:
    """Lists the tokens of a user."""
    for number, issued_at in await administration.list_tokens(arguments.email):
        print(f"{number}  issued {issued_at:%Y-%m-%d %H:%M} UTC")


@on_database
async def token_revoke(arguments: argparse.Namespace) -> None:
    """Revokes a token."""
    await administration.revoke_token(arguments.token)
    print("The token is revoked.")
