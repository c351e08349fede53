"""Saying why the database cannot be used."""

from urllib.parse import urlsplit

import settings


def fault(failure: Exception, setting: str = "DATABASE_URL", url: str = "") -> str:
    """Says in one sentence why the database cannot be used, and what to do when its tables are missing."""
    reason = " ".join(str(failure).split()).rstrip(".")
    reason = reason or type(failure).__name__
    name = database_name(setting, url)
    if "no such table" in reason or ("relation" in reason and "does not exist" in reason):
        return f"{name} lacks tables ({reason}): run `python server.py migrate`."
    return f"{name} cannot be used: {reason}."


def database_name(setting: str = "DATABASE_URL", url: str = "") -> str:
    """Returns the database's address without user and password."""
    parts = urlsplit(url or settings.DATABASE_URL)
    return f"The database {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path} ({setting})"
