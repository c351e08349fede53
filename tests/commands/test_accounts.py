"""Accounts at identity providers as operators administer them: bound, bound anew, freed."""

import json
from typing import Any

import pytest

from tests.commands.test_command_line import division, person
from tests.support.command_line import Commands

ANNA, BEN = "anna@example.com", "ben@example.com"
ISSUER = "https://login.example"


@pytest.fixture
def line(database_url: str) -> Commands:
    """A command line on a database with two users, and with one provider in its settings."""
    provider = {
        "OIDC_ISSUER": ISSUER,
        "OIDC_AUDIENCE": "basket",
        "OIDC_DIVISIONS": "ERP01",
    }
    commands = Commands(database_url, **provider)
    commands.accepted(*division("ERP01", "Main"))
    for email in (ANNA, BEN):
        commands.accepted(*person(email, "ERP01"))
    return commands


def bind(email: str, subject: str, issuer: str = ISSUER) -> list[str]:
    """Returns the arguments that bind a user to an account."""
    return ["user", "bind", email, "--issuer", issuer, "--subject", subject]


def audited(line: Commands) -> list[tuple[Any, ...]]:
    """Returns the audited bindings, the oldest first."""
    entries = json.loads(line.accepted("audit", "--json"))
    return [
        (each["action"], each["user"], (each["before"] or each["after"])["subject"])
        for each in reversed(entries)
        if each["action"].endswith("BOUND")
    ]


def test_a_user_is_bound_bound_anew_and_freed(line: Commands) -> None:
    assert line.accepted(*bind("ANNA@example.com", "s-1")) == (
        f"User {ANNA} is bound to the account s-1 of {ISSUER}."
    )
    line.accepted(*bind(ANNA, "s-1"))
    assert json.loads(line.accepted(*bind(ANNA, "s-2"), "--json")) == {
        "email": ANNA,
        "issuer": ISSUER,
        "subject": "s-2",
    }
    line.accepted(*bind(BEN, "s-1"))
    assert audited(line) == [
        ("USER_BOUND", ANNA, "s-1"),
        ("USER_UNBOUND", ANNA, "s-1"),
        ("USER_BOUND", ANNA, "s-2"),
        ("USER_BOUND", BEN, "s-1"),
    ]
    text = line.accepted("user", "unbind", ANNA)
    assert text == f"User {ANNA} is no longer bound to an account."
    text = line.accepted("user", "unbind", ANNA)
    assert text == f"User {ANNA} is not bound to an account."
    line.accepted(*bind(ANNA, "s-2"))
    assert json.loads(line.accepted("user", "unbind", "--issuer", ISSUER, "--json")) == {
        "emails": [BEN, ANNA]
    }
    assert [each[:2] for each in audited(line)[4:]] == [
        ("USER_UNBOUND", ANNA),
        ("USER_BOUND", ANNA),
        ("USER_UNBOUND", BEN),
        ("USER_UNBOUND", ANNA),
    ]


def test_wrong_input_changes_nothing(line: Commands) -> None:
    line.accepted(*bind(ANNA, "s-1"))
    line.accepted(*bind(BEN, "s-2"))
    assert line.rejected(*bind(ANNA, "s-2")) == (
        f"The account 's-2' of {ISSUER} is bound to another user, or was bound meanwhile; "
        "`user unbind` frees it."
    )
    assert line.rejected(*bind(ANNA, "s-3", f"{ISSUER}/")) == (
        f"The issuer '{ISSUER}/' is none of OIDC_ISSUER or OIDC_ISSUERS: {ISSUER}."
    )
    assert line.rejected(*bind(ANNA, " ")) == "The subject is blank."
    assert "There is no user" in line.rejected(*bind("no@example.com", "s-3"))
    assert "There is no user" in line.rejected("user", "unbind", "no@example.com")
    for wrong in (["unbind"], ["unbind", ANNA, "--issuer", ISSUER], ["bind", ANNA]):
        status, output, errors = line.run("user", *wrong)
        assert (status, output, errors[:16]) == (2, "", "usage: server.py")
    assert audited(line) == [("USER_BOUND", ANNA, "s-1"), ("USER_BOUND", BEN, "s-2")]
