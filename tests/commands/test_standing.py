"""`user show` and `division show`: a sentence says why someone cannot buy."""

import json
from pathlib import Path

import pytest

from tests.commands.test_command_line import division, person
from tests.support.command_line import Commands
from tests.support.databases import sqlite_database

ANNA = "anna@example.com"


@pytest.fixture
def line(tmp_path: Path) -> Commands:
    """A main division, a sub-division and a user of it."""
    line = Commands(sqlite_database(tmp_path))
    line.accepted(*division("MAIN", "Main"))
    line.accepted(*division("SUB", "Sub", "--parent", "MAIN"))
    line.accepted(*person(ANNA, "SUB"))
    return line


def test_a_user_is_shown_with_every_reason_against_buying(line: Commands) -> None:
    token = "they have no token and no account at an identity provider (`token issue`)"
    shown = line.accepted("user", "show", ANNA).splitlines()
    assert shown == [
        f"{ANNA}  A B  (user 1)",
        "Division: SUB, Sub.",
        "0 tokens, 0 accounts, 0 open baskets, 0 quotations.",
        f"They cannot buy: {token}.",
    ]
    line.accepted("user", "deactivate", ANNA)
    line.accepted("division", "deactivate", "SUB")
    assert line.accepted("user", "show", ANNA).splitlines()[-1] == (
        "They cannot buy: the user is inactive (`user activate`), and the division SUB is "
        f"inactive (`division activate`), and {token}."
    )
    value = json.loads(line.accepted("user", "show", ANNA, "--json"))
    assert (value["can_buy"], len(value["reasons"])) == (False, 3)
    line.accepted("user", "activate", ANNA)
    line.accepted("division", "activate", "SUB")
    line.accepted("token", "issue", ANNA)
    # A closed division above does not keep anybody of the division out.
    line.accepted("division", "deactivate", "MAIN")
    assert line.accepted("user", "show", ANNA).splitlines()[-1] == "A B can buy."
    assert json.loads(line.accepted("user", "show", ANNA, "--json"))["tokens"] == 1


PROVIDER = "https://login.example"


def test_a_provider_that_may_vouch_for_the_main_division_is_a_way_in(
    line: Commands,
) -> None:
    def last(divisions: str, claim: str = "email") -> str:
        provider = {
            "OIDC_ISSUER": PROVIDER,
            "OIDC_AUDIENCE": "basket",
            "OIDC_DIVISIONS": divisions,
            "OIDC_USER_CLAIM": claim,
        }
        beside = Commands(line.environment["DATABASE_URL"], **provider)
        return beside.accepted("user", "show", ANNA).splitlines()[-1]

    assert last("MAIN") == last("*") == "A B can buy."
    none = "no account at an identity provider (`token issue`)."
    assert last("SUB") == f"They cannot buy: they have no token and {none}"
    assert last("MAIN", "sub") == f"They cannot buy: they have no token and {none}"
    line.accepted("user", "bind", ANNA, "--issuer", PROVIDER, "--subject", "anna")
    assert last("MAIN", "sub") == "A B can buy."
    assert last("OTHER") == (
        f"They cannot buy: they have no token and the provider of their account, {PROVIDER}, "
        "may not let users of MAIN in (`OIDC_DIVISIONS`) (`token issue`)."
    )


def test_a_division_is_shown_with_the_reason_against_buying_for_it(line: Commands) -> None:
    assert line.accepted("division", "show", "SUB").splitlines() == [
        "SUB  Sub  (sub division 2, below MAIN)",
        "1 active users, 0 inactive users, 0 sub divisions.",
        "There is someone who can buy for it.",
    ]

    def last(erp_code: str) -> str:
        return line.accepted("division", "show", erp_code).splitlines()[-1]

    nobody = "is active (`user add`, `user activate`)."
    assert last("MAIN") == f"Nobody can buy: no user in it {nobody}"
    line.accepted("user", "deactivate", ANNA)
    above = ", or in an active one above it,"
    assert last("SUB") == f"Nobody can buy: no user in it{above} {nobody}"
    line.accepted(*person("max@example.com", "MAIN"))
    assert last("SUB") == "There is someone who can buy for it."
    line.accepted("division", "deactivate", "MAIN")
    assert last("SUB") == f"Nobody can buy: no user in it{above} {nobody}"
    line.accepted("division", "deactivate", "SUB")
    assert last("SUB") == "Nobody can buy: the division is inactive (`division activate`)."


def test_who_is_not_there_is_named(line: Commands) -> None:
    said = line.rejected("user", "show", "x@example.com")
    assert said.startswith("There is no user 'x@example.com'")
    assert line.rejected("division", "show", "X").startswith("There is no division 'X'")
