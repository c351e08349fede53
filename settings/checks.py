"""Checks of the settings before a process runs, with one line per problem."""

import tempfile
from enum import IntEnum
from urllib.parse import urlsplit

import settings
from settings.addresses import normalize_path
from settings.issuers import find_issuer_problems
from settings.open_files import open_files_problems
from settings.secret import Secret

SECRET_KEY_LENGTH = 32
"""The fewest characters of a secret key."""


class Use(IntEnum):
    """The kinds of processes; each makes the checks of the one before it, and more."""

    COMMAND = 1
    WORKER = 2
    SERVER = 3


def command_problems() -> list[str]:
    """Returns why a command of an operator may not run; one line per reason."""
    return find_problems(Use.COMMAND)


def worker_command_problems() -> list[str]:
    """Returns why the command of workers may not run; its processes check the addresses."""
    return find_problems(Use.WORKER)


def find_problems(use: Use) -> list[str]:
    """Returns why a process may not run on the settings; one line per reason."""
    rejected = settings.READER.problems
    reasons = [*rejected.values(), *_contradictions()]
    if not any(name.startswith("OIDC_") for name in rejected):
        reasons += find_issuer_problems(vars(settings))
    if use >= Use.WORKER:
        reasons += scratch_problems()
    # An unusable REDIS_URL is read as empty, and has its own reason already.
    if use is Use.WORKER and not (settings.REDIS_URL or "REDIS_URL" in rejected):
        reasons.append(
            "REDIS_URL is not set: without Redis there is nothing a worker could wait for."
        )
    if use is Use.SERVER:
        reasons += open_files_problems()
    if use >= Use.WORKER and _is_production():
        reasons += production_problems(use)
    return reasons


def _contradictions() -> list[str]:
    """Returns the pairs of settings of which only one can hold."""
    reasons: list[str] = []
    if settings.COMMERCE_TOKEN and "@" in settings.COMMERCE_URL:
        reasons.append(
            "COMMERCE_URL names a user and COMMERCE_TOKEN is set; set one of them."
        )
    if _migrates_another_database():
        reasons.append(
            "MIGRATION_DATABASE_URL names another database than DATABASE_URL; "
            "only PostgreSQL has a second address."
        )
    public_path = urlsplit(settings.PUBLIC_URL).path
    if normalize_path(public_path) != settings.ROOT_PATH:
        reasons.append(
            f"ROOT_PATH is {settings.ROOT_PATH!r} and PUBLIC_URL ends in {public_path!r}: "
            "set one of them, or both to the same path."
        )
    return reasons


def _migrates_another_database() -> bool:
    names = ("DATABASE_URL", "MIGRATION_DATABASE_URL")
    if any(name in settings.READER.problems for name in names):
        return False
    served, migrated = settings.DATABASE_URL, settings.MIGRATION_ADDRESS
    # Two addresses of PostgreSQL may lead to one database: by a pooler and past it.
    return served != migrated and any(
        url.startswith("sqlite:") for url in (served, migrated)
    )


def _is_production() -> bool:
    """Whether the accepted settings say so: a rejected one demands nothing of the others."""
    rejected = settings.READER.problems.keys()
    if "ENVIRONMENT" in rejected:
        return False
    if settings.ENVIRONMENT == "production":
        return True
    return not settings.EMBEDDED and "DATABASE_URL" not in rejected


def production_problems(use: Use) -> list[str]:
    """Returns why production may not run on these settings."""
    reasons: list[str] = []
    rejected = settings.READER.problems.keys()
    if use is Use.SERVER and not settings.COMMERCE_URL and "COMMERCE_URL" not in rejected:
        reasons.append("COMMERCE_URL is not set: production needs a real Commerce.")
    if settings.DEBUG:
        reasons.append("DEBUG is on: set DEBUG=false in production.")
    if "SECRET_KEY" not in rejected:
        reasons += secret_key_problems(settings.SECRET_KEY)
    return reasons


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
        if is_weak_key(key)
    ]


def is_weak_key(key: str) -> bool:
    """Whether a key is short, or repeats few characters."""
    return len(key) < SECRET_KEY_LENGTH or len(set(key)) < SECRET_KEY_LENGTH // 4


def _name_of_key(index: int, count: int) -> str:
    return "SECRET_KEY" if count == 1 else f"SECRET_KEY (key {index + 1} of {count})"


def scratch_problems() -> list[str]:
    """Returns why no temporary file can be written."""
    try:
        with tempfile.TemporaryFile(dir=settings.SCRATCH_PATH or None) as file:
            # Written, since files can still be made on a disk that is full.
            file.write(b"x")
            file.flush()
    except OSError as error:
        value = repr(settings.SCRATCH_PATH) if settings.SCRATCH_PATH else "not set"
        reason = error.strerror or "no usable folder was found"
        return [
            f"SCRATCH_PATH is {value}; no temporary file can be written there: {reason}."
        ]
    return []
