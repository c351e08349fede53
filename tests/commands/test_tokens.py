"""Tokens of ours as operators administer them: names, expiry, lists, and three ways to revoke."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.commands.test_command_line import division, person
from tests.support.command_line import Commands

ANNA, BEN = "anna@example.com", "ben@example.com"


@pytest.fixture
def line(database_url: str) -> Commands:
    """A command line on a database with two users."""
    commands = Commands(database_url)
    commands.accepted(*division("ERP01", "Main"))
    for email in (ANNA, BEN):
        commands.accepted(*person(email, "ERP01"))
    return commands


def from_json(line: Commands, *arguments: str) -> Any:
    """Returns the value that a command prints with --json."""
    return json.loads(line.accepted(*arguments, "--json"))


def test_a_token_has_a_name_and_an_end_and_is_shown_once(line: Commands) -> None:
    issued = from_json(line, "token", "issue", ANNA, "--name", " CI  job ", "--days", "30")
    token = issued.pop("token")
    assert token.startswith("basket_")
    assert (issued["id"], issued["email"], issued["name"]) == (1, ANNA, "CI  job")
    created, expires = (
        datetime.fromisoformat(issued[name]) for name in ("created_at", "expires_at")
    )
    assert abs(expires - created - timedelta(days=30)) < timedelta(minutes=10)
    line.accepted("token", "issue", BEN)
    (anna,) = from_json(line, "token", "list", ANNA)
    assert anna | {"last_used_at": None} == issued | {"last_used_at": None}
    both = from_json(line, "token", "list")
    assert [(each["id"], each["email"], each["name"]) for each in both] == [
        (1, ANNA, "CI  job"),
        (2, BEN, None),
    ]
    day, end = (f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for time in (created, expires))
    first, second = line.accepted("token", "list").splitlines()
    assert first == f"1  {ANNA}  CI  job  issued {day}  expires {end}  never used"
    assert second.startswith(f"2  {BEN}  issued ")
    assert second.endswith("UTC  never used")
    printed = line.accepted("token", "list") + line.accepted("token", "list", "--json")
    assert token not in printed + line.accepted("audit", "--json")
    (issuing,) = from_json(line, "audit", "--user", ANNA, "--action", "TOKEN_ISSUED")
    assert issuing["after"]["token"] == 1
    assert issuing["after"]["expires_at"][:10] == f"{expires.astimezone(UTC):%Y-%m-%d}"


def test_tokens_are_revoked_one_by_one_per_user_or_all(line: Commands) -> None:
    for email in (ANNA, ANNA, ANNA, BEN, BEN):
        line.accepted("token", "issue", email)
    assert from_json(line, "token", "revoke", "2") == {"ids": [2]}
    assert (
        line.accepted("token", "revoke", "--user", ANNA) == f"Revoked 2 tokens of {ANNA}."
    )
    assert [each["id"] for each in from_json(line, "token", "list")] == [4, 5]
    assert from_json(line, "token", "revoke", "--all") == {"ids": [4, 5]}
    assert line.accepted("token", "revoke", "--all") == "Revoked 0 tokens of all users."
    assert from_json(line, "token", "list") == []
    revoked = from_json(line, "audit", "--action", "TOKEN_REVOKED")
    assert sorted(each["before"]["token"] for each in revoked) == [1, 2, 3, 4, 5]


def test_wrong_input_changes_nothing(line: Commands) -> None:
    line.accepted("token", "issue", ANNA)
    issue = ("token", "issue", ANNA)
    for days in ("0", "-1", "36501"):
        assert line.rejected(*issue, f"--days={days}") == (
            f"A token of {days} days cannot be issued; 1 to 36500 are accepted."
        )
    assert line.rejected(*issue, "--name", " ") == "The name of the token is blank."
    assert line.rejected(*issue, "--name", "x" * 256) == (
        "The name of the token has 256 characters; at most 255 are allowed."
    )
    assert "There is no user" in line.rejected(
        "token", "revoke", "--user", "no@example.com"
    )
    assert "There is no user" in line.rejected("token", "list", "no@example.com")
    assert "There is no such token" in line.rejected("token", "revoke", "2")
    for wrong in (
        ["token", "revoke"],
        ["token", "revoke", "1", "--all"],
        ["token", "revoke", "--user", ANNA, "--all"],
        ["token", "issue", ANNA, "--days", "many"],
    ):
        status, output, errors = line.run(*wrong)
        assert (status, output, errors[:16]) == (2, "", "usage: server.py")
    assert len(from_json(line, "token", "list")) == 1
    assert len(from_json(line, "audit")) == 4
