"""The identity providers whose tokens are accepted: kinds of settings, and their checks."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from settings.addresses import web_address
from settings.kinds import InvalidSetting, Kind, text_like
from settings.proxies import is_loopback

ALL = "*"
"""Stands for all main divisions."""
MAXIMUM_ISSUERS = 50
_MAXIMUM_LENGTH = 255
_NAMES = {"issuer", "audience", "divisions"}


class Issuer(NamedTuple):
    """An identity provider that is trusted to say who its users are."""

    url: str
    audience: str
    divisions: tuple[str, ...]
    """The ERP codes of the main divisions whose users it may vouch for; `*` alone is all."""


def _parse_issuer(text: str) -> str:
    parts = urlsplit(web_address().parse(text))
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise InvalidSetting(
            f"{text!r} begins with http://: keys fetched without TLS prove nothing"
        )
    if len(text) > _MAXIMUM_LENGTH:
        raise InvalidSetting(f"the address has more than {_MAXIMUM_LENGTH} characters")
    return text


ISSUER = Kind("an address such as https://HOST, exactly as in tokens", _parse_issuer)
AUDIENCE = text_like(r"[^\x00-\x20\x7f]{1,255}", "a text without spaces")
CLAIM = text_like(r"[^\x00-\x20\x7f]{1,255}", "the name of a claim")


def _parse_divisions(text: str) -> tuple[str, ...]:
    return _check_divisions([part.strip() for part in text.split(",") if part.strip()])


def _check_divisions(codes: list[str]) -> tuple[str, ...]:
    if len(set(codes)) < len(codes):
        raise InvalidSetting("the same division stands twice in the list")
    if ALL in codes and len(codes) > 1:
        raise InvalidSetting(f"{ALL} is all main divisions; name no others beside it")
    return tuple(codes)


DIVISIONS = Kind("a list of ERP codes, or *", _parse_divisions)


def _parse_issuers(text: str) -> tuple[Issuer, ...]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidSetting("the value is not JSON") from None
    if not isinstance(entries, list) or not 0 < len(entries) <= MAXIMUM_ISSUERS:
        raise InvalidSetting(f"the value is no JSON list of 1 to {MAXIMUM_ISSUERS} objects")
    issuers = tuple(_parse_entry(entry, number) for number, entry in enumerate(entries, 1))
    if len({issuer.url for issuer in issuers}) < len(issuers):
        raise InvalidSetting("the same issuer stands twice in the list")
    return issuers


def _parse_entry(entry: Any, number: int) -> Issuer:
    if not isinstance(entry, dict) or entry.keys() != _NAMES:
        raise InvalidSetting(f"entry {number} has not exactly {', '.join(sorted(_NAMES))}")
    try:
        url, audience = _parse_issuer(entry["issuer"]), AUDIENCE.parse(entry["audience"])
    except InvalidSetting as reason:
        raise InvalidSetting(f"entry {number}: {reason}") from None
    except (ValueError, TypeError, AttributeError):
        message = f"entry {number}: issuer and audience are texts without spaces"
        raise InvalidSetting(message) from None
    return Issuer(url, audience, _parse_codes(entry["divisions"], number))


def _parse_codes(codes: Any, number: int) -> tuple[str, ...]:
    if not isinstance(codes, list) or not codes:
        raise InvalidSetting(f"entry {number}: divisions is no list of ERP codes")
    if not all(isinstance(code, str) and code.strip() for code in codes):
        raise InvalidSetting(f"entry {number}: an ERP code is no text, or blank")
    try:
        return _check_divisions([code.strip() for code in codes])
    except InvalidSetting as reason:
        raise InvalidSetting(f"entry {number}: {reason}") from None


def _show_issuers(issuers: tuple[Issuer, ...]) -> str:
    entries = [
        dict(
            zip(
                sorted(_NAMES), (issuer.audience, issuer.divisions, issuer.url), strict=True
            )
        )
        for issuer in issuers
    ]
    return json.dumps(entries) if entries else ""


ISSUERS = Kind(
    "a JSON list of objects with issuer, audience and divisions",
    _parse_issuers,
    show=_show_issuers,
)


def join_issuers(
    url: str, audience: str, divisions: tuple[str, ...], several: tuple[Issuer, ...]
) -> tuple[Issuer, ...]:
    """Returns the one issuer of the first three settings, else those of the list."""
    return (Issuer(url, audience, divisions),) if url else several


def find_issuer_problems(values: Mapping[str, Any]) -> list[str]:
    """Returns the reasons against the settings of identity providers together."""
    single = ("OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_DIVISIONS")
    given = [name for name in single if values[name]]
    if values["OIDC_ISSUERS"]:
        return [f"{name} and OIDC_ISSUERS are both set; set one of them." for name in given]
    if given:
        return [
            f"{name} is not set, and {given[0]} is: an issuer needs all of {', '.join(single)}."
            for name in single
            if name not in given
        ]
    if values["OIDC_CREATE_USERS"]:
        return ["OIDC_CREATE_USERS is on, and there is no OIDC_ISSUER to create users for."]
    return []
