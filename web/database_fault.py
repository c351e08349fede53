"""Saying why the database cannot be used."""

from urllib.parse import urlsplit

import settings


def fault(failure: Exception) -> str:
    """Says in one sentence why the database cannot be used, and what to do when its tables are missing."""
    reason = " ".join(str(failure).split()).rstrip(".")
    if "no such table" in reason or ("relation" in reason and "does not exist" in reason):
        return f"{database_name()} lacks tables ({reason}): run `python server.py migrate`."
    return f"{database_name()} cannot be used: {reason}."


def database_name() -> str:
    """Returns the database's address without user and password."""
    parts = urlsplit(settings.DATABASE_URL)
    return f"The database {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path} (DATABASE_URL)"
