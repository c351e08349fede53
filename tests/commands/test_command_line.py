"""The command line on a real database; where the process itself counts, as a real process."""

import json
import re
from pathlib import Path

import pytest
from graphql import (
    build_client_schema,
    build_schema,
    lexicographic_sort_schema,
    print_schema,
)

from application import create_application
from commands.parser import create_parser
from settings import ROOT
from settings.options import Options
from tests.support.command_line import CommandLine, Commands
from tests.support.databases import sqlite_database
from tests.support.service import Caller, open_client

BROKEN_HOST = (
    "the brackets of the host do not match, or a special character of the password is not "
    "written as %XX"
)


def person(email: str, division: str) -> list[str]:
    """Returns the arguments that add a user."""
    return [
        "user",
        "add",
        "--email",
        email,
        "--first-name",
        "A",
        "--last-name",
        "B",
        "--division",
        division,
    ]


def division(erp_code: str, name: str, *more: str) -> list[str]:
    """Returns the arguments that add a division."""
    return ["division", "add", "--erp-code", erp_code, "--name", name, *more]


async def email_of(database_url: str, token: str) -> str | None:
    """Asks a served application who a token belongs to; None when it stays shut."""
    application = create_application(
        Options(database_url=database_url, commerce_url="http://x.invalid", redis_url="")
    )
    async with open_client(application) as client:
        response = await Caller(client, token).post("{ viewer { email } }")
        return (
            str(response.json()["data"]["viewer"]["email"])
            if response.status_code == 200
            else None
        )


def test_divisions_are_added_and_listed(database_url: str) -> None:
    line = Commands(database_url)
    assert (
        line.accepted(*division("ERP01", "Main")) == "Added the main division ERP01, Main."
    )
    assert (
        line.accepted(*division("ERP02", "Sub", "--parent", "ERP01"))
        == "Added the sub division ERP02, Sub."
    )
    assert line.accepted("division", "deactivate", "ERP02") == "Division ERP02 is inactive."
    assert line.accepted("division", "list").splitlines() == [
        "ERP01  Main",
        "  ERP02  Sub  (inactive)",
    ]
    assert line.accepted("division", "activate", "ERP02") == "Division ERP02 is active."


def test_divisions_that_cannot_be_are_rejected(tmp_path: Path) -> None:
    line = Commands(sqlite_database(tmp_path))
    line.accepted(*division("ERP01", "Main"))
    line.accepted(*division("ERP02", "Sub", "--parent", "ERP01"))
    assert (
        line.rejected(*division("ERP01", "Again")) == "There is a division 'ERP01' already."
    )
    assert line.rejected(*division("ERP03", "Deep", "--parent", "ERP02")) == (
        "Division 'ERP02' is a sub-division; a sub-division's parent is a main division."
    )
    assert "There is no division 'NONE'" in line.rejected(
        *division("ERP03", "x", "--parent", "NONE")
    )
    assert line.rejected(*division("ERP03", "  ")) == "The name is blank."
    assert (
        line.rejected(*division("x" * 256, "x"))
        == "The ERP code has 256 characters; at most 255 are allowed."
    )
    message = "The ERP code has the character U+000A, which is not allowed."
    assert line.rejected(*division("a\nb", "x")) == message
    assert len(line.accepted("division", "list").splitlines()) == 2


def test_users_that_cannot_be_are_rejected(tmp_path: Path) -> None:
    line = Commands(sqlite_database(tmp_path))
    line.accepted(*division("ERP01", "Main"))
    line.accepted(*person("a@example.com", "ERP01"))
    assert (
        line.rejected(*person("a@example.com", "ERP01"))
        == "There is a user 'a@example.com' already."
    )
    assert line.rejected(*person("nobody", "ERP01")) == "'nobody' is not an e-mail address."
    assert "There is no division 'NONE'" in line.rejected(*person("b@example.com", "NONE"))
    for command in (["user", "deactivate"], ["token", "issue"], ["token", "list"]):
        assert "There is no user 'b@example.com'" in line.rejected(
            *command, "b@example.com"
        )
    assert line.accepted("user", "list") == "a@example.com  A B  ERP01"


async def test_a_token_opens_the_door_until_it_is_revoked_or_its_user_deactivated(
    database_url: str,
) -> None:
    line = Commands(database_url)
    line.accepted(*division("ERP01", "Main"))
    line.accepted(*person("a@example.com", "ERP01"))
    first, second = (line.accepted("token", "issue", "a@example.com") for _ in range(2))
    assert re.fullmatch(r"basket_[\w-]{43}", first)
    assert first != second
    assert await email_of(database_url, first) == "a@example.com"
    line.accepted("token", "revoke", first)
    assert await email_of(database_url, first) is None
    assert await email_of(database_url, second) == "a@example.com"
    line.accepted("user", "deactivate", "a@example.com")
    assert await email_of(database_url, second) is None
    line.accepted("user", "activate", "a@example.com")
    listed = line.accepted("token", "list", "a@example.com").splitlines()
    assert len(listed) == 1
    line.accepted("token", "revoke", listed[0].split()[0])
    assert await email_of(database_url, second) is None
    assert "There is no such token" in line.rejected("token", "revoke", second)


def test_the_schema_is_printed() -> None:
    committed = (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8").strip()
    assert Commands("sqlite://nowhere.sqlite3").accepted("schema") == committed


def test_the_schema_as_json_is_that_which_is_printed() -> None:
    committed = (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8")
    printed = Commands("sqlite://nowhere.sqlite3").accepted("schema", "--json")
    schemas = build_client_schema(json.loads(printed)), build_schema(committed)
    told, declared = [print_schema(lexicographic_sort_schema(each)) for each in schemas]
    assert told == declared


def test_a_database_that_cannot_be_used_is_said_in_one_line_without_its_password(
    tmp_path: Path,
) -> None:
    nowhere = Commands("postgres://someone:secret@127.0.0.1:1/none")
    status, output, errors = nowhere.run("user", "list")
    assert (status, output, len(errors.splitlines())) == (1, "", 1)
    assert errors.startswith(
        "The database postgres://127.0.0.1:1/none (DATABASE_URL) cannot be used:"
    )
    bare = Commands(f"sqlite://{tmp_path / 'bare.sqlite3'}")
    assert bare.run("user", "list") == (
        1,
        "",
        f"The database {bare.environment['DATABASE_URL']} (DATABASE_URL) lacks tables (no such table: user_account): "
        "run `python server.py migrate`.",
    )
    assert bare.accepted("migrate") == "The tables are up to date."
    assert bare.accepted("user", "list") == ""


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres://someone:se#cret@127.0.0.1:1/none", BROKEN_HOST),
        ("postgres://someone:5/cret@127.0.0.1:1/none", BROKEN_HOST),
        ("postgres://someone:[cret@127.0.0.1:1/none", BROKEN_HOST),
        (
            "mysql://someone:secret@127.0.0.1:1/none",
            "the address begins with mysql://, and not with postgres:// or sqlite://",
        ),
    ],
)
def test_a_database_address_that_cannot_be_taken_apart_is_not_repeated(
    url: str, reason: str
) -> None:
    assert Commands(url).run("user", "list") == (1, "", f"DATABASE_URL: {reason}.")


@pytest.mark.parametrize("command", [["user", "list"], ["migrate"], ["serve"]])
def test_a_file_that_cannot_be_opened_is_said_in_one_line(
    tmp_path: Path, command: list[str]
) -> None:
    url = f"sqlite://{tmp_path}"
    status, output, errors = CommandLine(url, ENVIRONMENT="embedded").run(*command)
    assert (status, output, errors) == (
        1,
        "",
        f"The database {url} (DATABASE_URL) cannot be used: unable to open database file.",
    )


@pytest.mark.parametrize("option", ["--processes", "--threads"])
@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_a_worker_without_processes_or_threads_is_rejected(
    option: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        create_parser().parse_args(["work", f"{option}={number}"])
    assert ended.value.code == 2
    assert f"{option}: {number!r} is no whole number above 0" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["migrate"], ["serve"]])
def test_a_file_that_is_no_database_is_said_in_one_line(
    tmp_path: Path, command: list[str]
) -> None:
    file = tmp_path / "letter.sqlite3"
    file.write_text("Dear reader, this is not a database.")
    message = f"The database sqlite://{file} (DATABASE_URL) cannot be used: file is not a database."
    assert CommandLine(f"sqlite://{file}").run(*command) == (1, "", message)
    assert file.read_text() == "Dear reader, this is not a database."


@pytest.mark.parametrize(
    "command", [["division", "deactivate"], ["user", "deactivate"], ["token", "revoke"]]
)
def test_a_name_that_is_not_text_is_rejected(tmp_path: Path, command: list[str]) -> None:
    line = Commands(sqlite_database(tmp_path))
    said = line.rejected(*command, "a\udcff")
    assert said.endswith(" has the character U+DCFF, which is not allowed.")


def test_the_demo_is_for_the_embedded_server_only(tmp_path: Path) -> None:
    url = sqlite_database(tmp_path)
    assert "embedded server only" in Commands(url, ENVIRONMENT="production").rejected(
        "demo"
    )
    embedded = Commands(url)
    for _ in range(2):
        embedded.accepted("demo")
    assert embedded.accepted("division", "list").splitlines()[3].endswith("(inactive)")
    assert embedded.accepted("user", "list").splitlines() == [
        "main@demo.invalid  Deniz Yılmaz  ERP01",
        "sub@demo.invalid  Can Demir  ERP02",
    ]


@pytest.mark.parametrize(
    "arguments", [["bogus"], ["division"], ["user", "add"], ["token", "issue"]]
)
def test_a_command_that_does_not_exist_or_lacks_something_is_rejected(
    arguments: list[str],
) -> None:
    status, output, errors = Commands("sqlite://nowhere.sqlite3").run(*arguments)
    assert (status, output) == (2, "")
    assert errors.startswith("usage: server.py")
