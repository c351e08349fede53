"""The command line: the door of those who run the server."""

import argparse
import asyncio
import sqlite3
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

import logs
import settings
from models import administration
from models.administration import AdministrationRefused
from models.database import DATABASE_FAILURES, check_answers, connect, disconnect, migrate_forward
from models.demo import DEMO_TOKENS, write_demo
from web.rate_limit import is_limit

REFUSED, FAILED = 2, 1
"""The exit statuses for an input that is refused and for a fault, for example a database that does not answer."""
SCHEMES = ("sqlite", "postgres", "postgresql")
"""What DATABASE_URL may begin with."""


class SettingRefused(Exception):
    """Raised when a setting cannot be used; the message names it and shows nothing that may be a password."""


def say(text: str) -> None:
    """Prints a line of an answer."""
    print(text)


async def migrate(given: argparse.Namespace) -> None:
    await disconnect()
    await migrate_forward(settings.DATABASE_URL)
    say("The tables are up to date.")


async def demo(given: argparse.Namespace) -> None:
    if not settings.EMBEDDED:
        raise AdministrationRefused("The demo has users with well-known tokens; it is for the embedded server only.")
    await write_demo()
    say(f"Wrote the demo divisions and users; their tokens are {' and '.join(DEMO_TOKENS)}.")


async def division_add(given: argparse.Namespace) -> None:
    division = await administration.add_division(given.erp_code, given.name, given.parent)
    say(f"Added the {division.type.lower()} division {division.erp_code}, {division.name}.")


async def division_list(given: argparse.Namespace) -> None:
    for division in await administration.list_divisions():
        indent = "  " if division.parent else ""
        closed = "" if division.is_active else "  (inactive)"
        say(f"{indent}{division.erp_code}  {division.name}{closed}")


async def division_activity(given: argparse.Namespace) -> None:
    await administration.set_division_active(given.erp_code, given.is_active)
    say(f"Division {given.erp_code} is {'active' if given.is_active else 'inactive'}.")


async def user_add(given: argparse.Namespace) -> None:
    user = await administration.add_user(given.email, given.first_name, given.last_name, given.division)
    say(f"Added the user {user.email}. Give them a token with: python server.py token issue {user.email}")


async def user_list(given: argparse.Namespace) -> None:
    for user in await administration.list_users():
        inactive = "" if user.is_active else "  (inactive)"
        say(f"{user.email}  {user.first_name} {user.last_name}  {user.division.erp_code}{inactive}")


async def user_activity(given: argparse.Namespace) -> None:
    await administration.set_user_active(given.email, given.is_active)
    say(f"User {given.email} is {'active' if given.is_active else 'inactive'}.")


async def token_issue(given: argparse.Namespace) -> None:
    say(await administration.issue_token(given.email))
    print("This is the only time that the token is shown.", file=sys.stderr)


async def token_list(given: argparse.Namespace) -> None:
    for number, issued_at in await administration.list_tokens(given.email):
        say(f"{number}  issued {issued_at:%Y-%m-%d %H:%M} UTC")


async def token_revoke(given: argparse.Namespace) -> None:
    await administration.revoke_token(given.token)
    say("The token is revoked.")


def parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands."""
    root = argparse.ArgumentParser(prog="server.py", description="The basket server and the keeping of its users.")
    commands = root.add_subparsers(metavar="COMMAND")
    commands.add_parser("serve", help="migrate and serve; the default").set_defaults(serve=True)
    commands.add_parser("migrate", help="bring the tables up to date").set_defaults(run=migrate)
    commands.add_parser("schema", help="print the GraphQL schema").set_defaults(schema=True)
    commands.add_parser("demo", help="write the demo divisions and users").set_defaults(run=demo)
    _add_division_commands(commands.add_parser("division", help="keep divisions"))
    _add_user_commands(commands.add_parser("user", help="keep users"))
    _add_token_commands(commands.add_parser("token", help="keep tokens"))
    return root


def _add_division_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="add a main division or, with --parent, a sub-division")
    add.set_defaults(run=division_add)
    add.add_argument("--erp-code", required=True)
    add.add_argument("--name", required=True)
    add.add_argument("--parent", help="the ERP code of the main division above it")
    commands.add_parser("list", help="list all divisions").set_defaults(run=division_list)
    for name, is_active in (("activate", True), ("deactivate", False)):
        command = commands.add_parser(name, help=f"make a division {'active' if is_active else 'inactive'}")
        command.set_defaults(run=division_activity, is_active=is_active)
        command.add_argument("erp_code")


def _add_user_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="add a user to a division")
    add.set_defaults(run=user_add)
    for option in ("--email", "--first-name", "--last-name"):
        add.add_argument(option, required=True)
    add.add_argument("--division", required=True, help="the ERP code of the user's division")
    commands.add_parser("list", help="list all users").set_defaults(run=user_list)
    for name, is_active in (("activate", True), ("deactivate", False)):
        command = commands.add_parser(name, help="let a user in" if is_active else "keep a user out")
        command.set_defaults(run=user_activity, is_active=is_active)
        command.add_argument("email")


def _add_token_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    issue = commands.add_parser("issue", help="print a new token, once")
    issue.set_defaults(run=token_issue)
    issue.add_argument("email")
    listing = commands.add_parser("list", help="list the numbers of a user's tokens")
    listing.set_defaults(run=token_list)
    listing.add_argument("email")
    revoke = commands.add_parser("revoke", help="revoke a token")
    revoke.set_defaults(run=token_revoke)
    revoke.add_argument("token", help="the token's number, or the token itself")


def main(*, serve: Callable[[], int], schema: Callable[[], str], arguments: list[str] | None = None) -> int:
    """Carries out a command and returns the exit status; `serve` and `schema` come from the composition root."""
    given = parser().parse_args(arguments)
    if "schema" in given:
        say(schema())
        return 0
    try:
        check_settings()
        asyncio.run(_connected(given))
        return 0 if "run" in given else serve()
    except AdministrationRefused as refusal:
        return _complain(str(refusal), REFUSED)
    except SettingRefused as refusal:
        return _complain(str(refusal), FAILED)
    except (OSError, sqlite3.Error, *DATABASE_FAILURES) as failure:
        return _complain(fault(failure), FAILED)


def _complain(message: str, status: int) -> int:
    print(message, file=sys.stderr)
    return status


def check_settings() -> None:
    """Raises SettingRefused when PORT, DATABASE_URL or a limit cannot be meant as it is."""
    if not 0 <= settings.PORT <= 65_535:
        raise SettingRefused(f"PORT is {settings.PORT}; it is a number from 0 to 65535.")
    if settings.LOG_LEVEL not in logs.LEVELS:
        raise SettingRefused(f"LOG_LEVEL is {settings.LOG_LEVEL!r}; it is one of {', '.join(logs.LEVELS)}.")
    if settings.LOG_FORMAT not in logs.FORMATS:
        raise SettingRefused(f"LOG_FORMAT is {settings.LOG_FORMAT!r}; it is one of {', '.join(logs.FORMATS)}.")
    if not _is_address(settings.DATABASE_URL):
        raise SettingRefused(
            "DATABASE_URL is neither sqlite://PATH nor postgres://USER:PASSWORD@HOST:PORT/NAME; "
            "special characters of a password are written as %XX."
        )
    for name in ("RATE_LIMIT_TOKEN", "RATE_LIMIT_ADDRESS"):
        text = getattr(settings, name)
        if not is_limit(text):
            raise SettingRefused(f"{name} is {text!r}; it reads like 6000/minute, or 0 for no limit.")


def _is_address(url: str) -> bool:
    """Tells whether a database URL can be taken apart, so that its password is known and never shown."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    # A password with a bare `/`, `?` or `#` ends the host too early and leaves the `@` in what comes after it.
    is_whole = parts.scheme == "sqlite" or "@" not in parts.path + parts.query + parts.fragment
    return parts.scheme in SCHEMES and is_whole and port != 0


def fault(failure: Exception) -> str:
    """Says in one sentence why the database cannot be used, and what to do when its tables are missing."""
    reason = " ".join(str(failure).split()).rstrip(".")
    if "no such table" in reason or ("relation" in reason and "does not exist" in reason):
        return f"{database_name()} lacks tables ({reason}): run `python server.py migrate`."
    return f"{database_name()} cannot be used: {reason}."


def database_name() -> str:
    """Returns the database's address without user and password."""
    parts = urlsplit(settings.DATABASE_URL)
    return f"The database {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path} (DATABASE_URL)"


async def _connected(given: argparse.Namespace) -> None:
    await connect(settings.DATABASE_URL, pool_size=1)
    try:
        # Tortoise's migrations wait for ever for a SQLite file that is none; a question to it fails at once.
        await check_answers()
        if "run" in given:
            await given.run(given)
    finally:
        await disconnect()
