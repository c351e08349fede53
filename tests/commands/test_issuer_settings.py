"""The settings of identity providers: accepted, or rejected by name and reason."""

import json
import subprocess

import pytest

import settings
from settings.issuers import ISSUERS, Issuer
from tests.support.pages import shell_block
from tests.support.settings import in_force, problems_of

ONE = {
    "OIDC_ISSUER": "https://login.example/",
    "OIDC_AUDIENCE": "basket",
    "OIDC_DIVISIONS": " ERP01 , ERP 05,",
}
ENTRY = {"issuer": "https://login.example", "audience": "basket", "divisions": ["ERP01"]}


def several(*entries: object) -> str:
    """Returns the value of OIDC_ISSUERS."""
    return json.dumps(entries)


def test_without_settings_there_is_no_provider() -> None:
    assert settings.ISSUERS == ()


def test_accepted_values_are_shown_as_they_count() -> None:
    assert problems_of(**ONE, OIDC_CREATE_USERS="true", OIDC_USER_CLAIM="SUB") == []
    shown = in_force(**ONE, OIDC_USER_CLAIM="SUB")
    assert shown["OIDC_ISSUER"] == "https://login.example/"
    assert shown["OIDC_DIVISIONS"] == "ERP01,ERP 05"
    assert shown["OIDC_USER_CLAIM"] == "sub"
    for url in ("http://localhost:1/x", "http://127.0.0.9:1", "http://[::1]:1"):
        assert problems_of(**(ONE | {"OIDC_ISSUER": url})) == []
    entries = several(ENTRY, ENTRY | {"issuer": "https://b.example", "divisions": ["*"]})
    assert ISSUERS.parse(entries) == (
        Issuer("https://login.example", "basket", ("ERP01",)),
        Issuer("https://b.example", "basket", ("*",)),
    )
    assert json.loads(in_force(OIDC_ISSUERS=entries)["OIDC_ISSUERS"])[0] == ENTRY


def test_the_printed_settings_are_accepted() -> None:
    for block in (
        shell_block("docs/people.md", "export OIDC_ISSUER="),
        shell_block("docs/people.md", "export OIDC_ISSUERS="),
    ):
        done = subprocess.run(
            ["bash", "-c", f"{block}\nenv -0"], capture_output=True, text=True, check=True
        )
        pairs = (line.partition("=") for line in done.stdout.split("\0"))
        values = {name: value for name, _, value in pairs if name.startswith("OIDC_")}
        assert len(values) == block.count("export")
        assert problems_of(**values) == []


def test_the_proxy_is_that_of_the_standard_variables_for_the_first_provider() -> None:
    proxies = {"HTTPS_PROXY": "http://proxy.example:8080", "NO_PROXY": "inner.example"}
    assert in_force(**ONE, **proxies)["OIDC_PROXY"] == "http://proxy.example:8080"
    inner = ONE | {"OIDC_ISSUER": "https://inner.example"}
    assert in_force(**inner, **proxies)["OIDC_PROXY"] == ""
    assert in_force(**ONE, **proxies, OIDC_PROXY="none")["OIDC_PROXY"] == ""


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"OIDC_ISSUER": "http://login.example"},
            "OIDC_ISSUER: 'http://login.example' begins with http://: "
            "keys fetched without TLS prove nothing.",
        ),
        (
            {"OIDC_ISSUER": "https://login.example?a=b"},
            "OIDC_ISSUER: the address has a query or a fragment.",
        ),
        (
            {"OIDC_AUDIENCE": "two words"},
            "OIDC_AUDIENCE is 'two words'; it is a text without spaces.",
        ),
        (
            {"OIDC_DIVISIONS": "ERP01,ERP01"},
            "OIDC_DIVISIONS: the same division stands twice in the list.",
        ),
        (
            {"OIDC_DIVISIONS": "*,ERP01"},
            "OIDC_DIVISIONS: * is all main divisions; name no others beside it.",
        ),
        (
            {"OIDC_DIVISIONS": ""},
            "OIDC_DIVISIONS is not set, and OIDC_ISSUER is: "
            "an issuer needs all of OIDC_ISSUER, OIDC_AUDIENCE, OIDC_DIVISIONS.",
        ),
        (
            {"OIDC_ISSUER": ""},
            "OIDC_ISSUER is not set, and OIDC_AUDIENCE is: "
            "an issuer needs all of OIDC_ISSUER, OIDC_AUDIENCE, OIDC_DIVISIONS.",
        ),
        (
            {"OIDC_USER_CLAIM": "name"},
            "OIDC_USER_CLAIM is 'name'; it is one of email, sub.",
        ),
        (
            {"OIDC_LEEWAY_SECONDS": "301"},
            "OIDC_LEEWAY_SECONDS is '301'; it is a whole number from 0 to 300.",
        ),
    ],
)
def test_a_wrong_value_is_rejected(changed: dict[str, str], message: str) -> None:
    assert problems_of(**(ONE | changed)) == [message]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{", "the value is not JSON"),
        ("[" * 100_000, "the value is not JSON"),
        ("{}", "the value is no JSON list of 1 to 50 objects"),
        ("[]", "the value is no JSON list of 1 to 50 objects"),
        (several(*[ENTRY] * 51), "the value is no JSON list of 1 to 50 objects"),
        (several(ENTRY, 1), "entry 2 has not exactly audience, divisions, issuer"),
        (
            several(ENTRY | {"secret": ""}),
            "entry 1 has not exactly audience, divisions, issuer",
        ),
        (
            several(ENTRY | {"issuer": 1}),
            "entry 1: issuer and audience are texts without spaces",
        ),
        (
            several(ENTRY | {"audience": ""}),
            "entry 1: issuer and audience are texts without spaces",
        ),
        (
            several(ENTRY | {"divisions": []}),
            "entry 1: divisions is no list of ERP codes",
        ),
        (
            several(ENTRY | {"divisions": [" "]}),
            "entry 1: an ERP code is no text, or blank",
        ),
        (
            several(ENTRY | {"divisions": ["A", "A"]}),
            "entry 1: the same division stands twice in the list",
        ),
        (several(ENTRY, ENTRY), "the same issuer stands twice in the list"),
    ],
)
def test_a_wrong_list_is_rejected(value: str, reason: str) -> None:
    assert problems_of(OIDC_ISSUERS=value) == [f"OIDC_ISSUERS: {reason}."]


def test_settings_that_contradict_each_other_are_rejected() -> None:
    assert problems_of(OIDC_ISSUERS=several(ENTRY), **ONE) == [
        f"{name} and OIDC_ISSUERS are both set; set one of them." for name in ONE
    ]
    assert problems_of(OIDC_CREATE_USERS="true") == [
        "OIDC_CREATE_USERS is on, and there is no OIDC_ISSUER to create users for."
    ]
