"""Checking the settings before anything runs: all that is wrong with them, one line each."""

import tempfile
from enum import IntEnum
from urllib.parse import urlsplit

import settings
from settings.addresses import url_path
from settings.secret import Secret

SECRET_KEY_LENGTH = 32
"""How many characters a secret key has at least."""


class Use(IntEnum):
    """What a process is: each checks what the one before it does, and more."""

    COMMAND = 1
    WORKER = 2
    SERVER = 3


def problems(use: Use) -> list[str]:
    """Returns why a process may not run on these settings; one line for each reason."""
    found = list(settings.READER.problems.values())
    if settings.COMMERCE_TOKEN and "@" in settings.COMMERCE_URL:
        found.append(
            "COMMERCE_URL names a user and COMMERCE_TOKEN is set; set one of them."
        )
    public_path = urlsplit(settings.PUBLIC_URL).path
    if url_path(public_path) != settings.ROOT_PATH:
        found.append(
            f"ROOT_PATH is {settings.ROOT_PATH!r} and PUBLIC_URL ends in {public_path!r}: "
            "set one of them, or both to the same path."
        )
    if use >= Use.WORKER:
        found += scratch_problems()
    if use >= Use.WORKER and not settings.EMBEDDED:
        found += production_problems(use)
    return found


def production_problems(use: Use) -> list[str]:
    """Returns why production may not run on these settings."""
    found: list[str] = []
    rejected = settings.READER.problems.keys()
    if use is Use.SERVER and not settings.COMMERCE_URL and "COMMERCE_URL" not in rejected:
        found.append("COMMERCE_URL is not set: production needs a real Commerce.")
    if settings.DEBUG:
        found.append("DEBUG is on: set DEBUG=false in production.")
    if "SECRET_KEY" not in rejected:
        found += secret_key_problems(settings.SECRET_KEY)
    return found


def secret_key_problems(keys: tuple[Secret, ...]) -> list[str]:
    """Returns why production may not sign, or verify, with these keys."""
    texts = [str(key) for key in keys]
    if settings.SECRET_KEY_OF_THE_DEMO in texts:
        return [
            "SECRET_KEY is not set: production signs addresses with a long random text of its own."
        ]
    advice = (
        f"is weak: set a random text of at least {SECRET_KEY_LENGTH} characters, "
        "for example by python3 -c 'import secrets; print(secrets.token_hex(32))'."
    )
    return [
        f"{_name_of_key(i, len(texts))} {advice}"
        for i, key in enumerate(texts)
        if is_weak(key)
    ]


def is_weak(key: str) -> bool:
    """Tells whether a key is short, or repeats few characters."""
    return len(key) < SECRET_KEY_LENGTH or len(set(key)) < SECRET_KEY_LENGTH // 4


def _name_of_key(index: int, count: int) -> str:
    return "SECRET_KEY" if count == 1 else f"SECRET_KEY (key {index + 1} of {count})"


def scratch_problems() -> list[str]:
    """Returns why no temporary file can be written."""
    try:
        with tempfile.TemporaryFile(dir=settings.SCRATCH_PATH or None) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        place = repr(settings.SCRATCH_PATH) if settings.SCRATCH_PATH else "not set"
        reason = error.strerror or "no usable folder was found"
        return [
            f"SCRATCH_PATH is {place}; no temporary file can be written there: {reason}."
        ]
    return []
