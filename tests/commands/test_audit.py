"""The audit: every change of people by a command, with before and after; the history of baskets."""

import getpass
import json
import os
import pwd
import re
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_command_line import division, person
from tests.support.command_line import Commands
from tests.support.databases import sqlite_database
from tests.support.service import Service, serve
from tests.support.shop import Shop

ME = pwd.getpwuid(os.getuid()).pw_name
ANNA = "anna@example.com"


def entries(line: Commands, *arguments: str) -> list[dict[str, Any]]:
    """Returns the audited changes, the oldest first."""
    found: list[dict[str, Any]] = json.loads(line.accepted("audit", "--json", *arguments))
    return found[::-1]


def test_each_command_that_changes_people_is_audited(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who a process belongs to is no matter of its environment.
    monkeypatch.setenv("LOGNAME", "somebody-else")
    assert getpass.getuser() == "somebody-else"
    line = Commands(database_url)
    line.accepted(*division("ERP01", "Main"))
    line.accepted(*division("ERP02", "Sub", "--parent", "ERP01"))
    line.accepted("division", "deactivate", "ERP02")
    line.accepted(*person(ANNA, "ERP01"))
    line.accepted("user", "deactivate", ANNA)
    token = line.accepted("token", "issue", ANNA)
    line.accepted("token", "revoke", token)
    found = entries(line)
    assert [(each["action"], each["before"], each["after"]) for each in found] == [
        (
            "DIVISION_ADDED",
            None,
            {"erp_code": "ERP01", "name": "Main", "parent": None, "is_active": True},
        ),
        (
            "DIVISION_ADDED",
            None,
            {"erp_code": "ERP02", "name": "Sub", "parent": "ERP01", "is_active": True},
        ),
        ("DIVISION_CHANGED", {"is_active": True}, {"is_active": False}),
        (
            "USER_ADDED",
            None,
            {
                "email": ANNA,
                "first_name": "A",
                "last_name": "B",
                "division": "ERP01",
                "is_active": True,
            },
        ),
        ("USER_CHANGED", {"is_active": True}, {"is_active": False}),
        ("TOKEN_ISSUED", None, {"token": 1}),
        ("TOKEN_REVOKED", {"token": 1}, None),
    ]
    assert {(each["actor_kind"], each["actor"]) for each in found} == {
        ("OPERATING_SYSTEM", ME)
    }
    assert [each["user"] or each["division"] for each in found] == [
        *("ERP01", "ERP02", "ERP02"),
        *[ANNA] * 4,
    ]
    assert token not in line.accepted("audit", "--json")


def test_what_changes_nothing_or_is_rejected_is_not_audited(tmp_path: Path) -> None:
    line = Commands(sqlite_database(tmp_path))
    line.accepted(*division("ERP01", "Main"))
    line.accepted(*person(ANNA, "ERP01"))
    line.accepted("division", "activate", "ERP01")
    line.accepted("user", "activate", ANNA)
    line.rejected(*division("ERP01", "Again"))
    line.rejected(*person(ANNA.upper(), "ERP01"))
    line.rejected("token", "revoke", "17")
    assert [each["action"] for each in entries(line)] == ["DIVISION_ADDED", "USER_ADDED"]
    assert entries(line, "--since", "2999-01-01") == []


def test_the_audit_is_filtered(database_url: str) -> None:
    line = Commands(database_url)
    for erp_code, email in (("ERP01", ANNA), ("ERP02", "ben@example.com")):
        line.accepted(*division(erp_code, "Main"))
        line.accepted(*person(email, erp_code))
        line.accepted("token", "issue", email)

    def actions(*arguments: str) -> list[str]:
        return [each["action"] for each in entries(line, *arguments)]

    assert actions("--user", ANNA.upper()) == ["USER_ADDED", "TOKEN_ISSUED"]
    assert actions("--user", "2", "--action", "token_issued") == ["TOKEN_ISSUED"]
    assert actions("--division", "ERP02") == [
        "DIVISION_ADDED",
        "USER_ADDED",
        "TOKEN_ISSUED",
    ]
    assert actions("--limit", "1") == ["TOKEN_ISSUED"]
    assert actions("--until", "2020-01-01") == []
    day = entries(line)[0]["created_at"][:10]
    assert len(actions("--since", day, "--until", day)) == 6
    assert (
        line.accepted("audit", "--user", ANNA)
        .splitlines()[0]
        .endswith(f"  {ME}  TOKEN_ISSUED  {ANNA}  token 1")
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["--since", "yesterday"],
            "--since is 'yesterday'; it is a day such as 2026-11-30,",
        ),
        (["--until", "9999-12-31"], "--until is '9999-12-31'; it is a day such as"),
        (
            ["--action", "EATEN"],
            "There is no action 'EATEN'; the actions are DIVISION_ADDED",
        ),
        (["--baskets", "--action", "USER_ADDED"], "There is no action 'USER_ADDED'; the"),
        (["--user", "x@example.com"], "There is no user 'x@example.com'"),
        (["--division", "NONE"], "There is no division 'NONE'"),
        (["--product", "SKU01"], "--product filters baskets: add --baskets."),
        (["--baskets", "--product", "SKU99"], "There is no product with the SKU 'SKU99'."),
        (["--limit", "0"], "--limit is 0; it is from 1 to 10000."),
    ],
)
def test_a_filter_that_cannot_be_is_rejected(
    tmp_path: Path, arguments: list[str], reason: str
) -> None:
    line = Commands(sqlite_database(tmp_path))
    assert line.rejected("audit", *arguments).startswith(reason)


async def _shop(service: Service) -> None:
    """Changes the baskets of two buyers."""

    def lines(*parts: tuple[int, str, int]) -> list[dict[str, Any]]:
        return [
            {
                "productRemoteId": product,
                "divisionId": service.division(erp_code),
                "quantity": quantity,
            }
            for product, erp_code, quantity in parts
        ]

    both = lines((1, "ERP01", 2), (2, "ERP02", 2))
    await service.main.accepted("basketItemsAdd", items=both)
    (updated,) = lines((1, "ERP01", 5))
    await service.main.accepted("basketItemUpdate", **updated)
    await service.other.accepted("basketItemsAdd", items=lines((1, "ERP05", 1)))


async def test_the_history_of_baskets_is_shown_by_user_division_and_product(
    database_url: str, shop: Shop
) -> None:
    async with serve(database_url, shop) as service:
        await _shop(service)
    line = Commands(database_url)

    def changes(*arguments: str) -> list[tuple[str, list[tuple[str, int, int]]]]:
        found = json.loads(line.accepted("audit", "--baskets", "--json", *arguments))
        names = ("division", "quantity_before", "quantity_after")
        return [
            (each["kind"], [tuple(part[name] for name in names) for part in each["lines"]])
            for each in found
        ]

    added = ("ITEMS_ADDED", [("ERP01", 0, 2), ("ERP02", 0, 2)])
    updated = ("ITEM_UPDATED", [("ERP01", 2, 5)])
    others = ("ITEMS_ADDED", [("ERP05", 0, 1)])
    assert changes() == [others, updated, added]
    assert changes("--user", "main@example.invalid") == [updated, added]
    assert changes("--division", "ERP02") == [("ITEMS_ADDED", [("ERP02", 0, 2)])]
    assert changes("--product", "SKU01") == [
        others,
        updated,
        ("ITEMS_ADDED", [("ERP01", 0, 2)]),
    ]
    assert changes("--action", "item_updated", "--until", "2999-01-01") == [updated]
    text = line.accepted("audit", "--baskets", "--product", "SKU02").splitlines()
    assert re.search(
        "  main@example.invalid  basket \\d+ version 1  ITEMS_ADDED  2 lines", text[0]
    )
    assert text[1:] == ["  SKU02  ERP02  0 → 2"]
