"""Checking the settings before a command runs."""

import re
from urllib.parse import urlsplit

import logs
import settings

SCHEMES = ("sqlite", "postgres", "postgresql")
"""The schemes of DATABASE_URL."""
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))([^/?#%\s]|%[0-9A-Fa-f]{2})+)*")
_LIMIT = re.compile(r"\s*(0*|0*[1-9]\d*\s*(/|per)\s*\d*\s*(second|minute|hour|day|month|year)s?)\s*")


class SettingRefused(Exception):
    """Raised when a setting cannot be used; the message names it and shows nothing that may be a password."""


def check_settings() -> None:
    """Raises SettingRefused when PORT, DATABASE_URL or a limit cannot be meant as it is."""
    if not 0 <= settings.PORT <= 65_535:
        raise SettingRefused(f"PORT is {settings.PORT}; it is a number from 0 to 65535.")
    if settings.LOG_LEVEL not in logs.LEVELS:
        levels = ", ".join(logs.LEVELS)
        raise SettingRefused(f"LOG_LEVEL is {settings.LOG_LEVEL!r}; it is one of {levels}.")
    if settings.LOG_FORMAT not in logs.FORMATS:
        formats = ", ".join(logs.FORMATS)
        raise SettingRefused(f"LOG_FORMAT is {settings.LOG_FORMAT!r}; it is one of {formats}.")
    if not _is_address(settings.DATABASE_URL):
        raise SettingRefused(
            "DATABASE_URL is neither sqlite://PATH nor postgres://USER:PASSWORD@HOST:PORT/NAME; "
            "special characters of a password are written as %XX."
        )
    _check_root_path()
    for name in ("RATE_LIMIT_TOKEN", "RATE_LIMIT_ADDRESS"):
        text = getattr(settings, name)
        if not _LIMIT.fullmatch(text):
            raise SettingRefused(f"{name} is {text!r}; it reads like 6000/minute, or 0 for no limit.")


def _check_root_path() -> None:
    """Raises SettingRefused when ROOT_PATH is no path, or PUBLIC_URL ends in another one."""
    path, public = settings.ROOT_PATH, urlsplit(settings.PUBLIC_URL).path
    if not _PATH.fullmatch(path):
        raise SettingRefused(f"ROOT_PATH is {path!r}; it is a path like /shop.")
    if settings.url_path(public) != path:
        raise SettingRefused(
            f"ROOT_PATH is {path!r} and PUBLIC_URL ends in {public!r}: set one of them, or both to the same path."
        )


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
