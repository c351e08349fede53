"""Messages about a database that cannot be used."""

from urllib.parse import urlsplit


def explain_failure(failure: Exception, url: str, setting: str = "DATABASE_URL") -> str:
    """Returns one sentence: the database of a setting, the failure, and a remedy if any."""
    reason = " ".join(str(failure).split()).rstrip(".") or type(failure).__name__
    name = f"The database {hide_login(url)} ({setting})"
    if "no such table" in reason or ("relation" in reason and "does not exist" in reason):
        return f"{name} lacks tables ({reason}): run `python server.py migrate`."
    if "permission denied for schema" in reason or "must be owner of" in reason:
        return (
            f"{name} is not migrated, and its role may not do it ({reason}): run "
            "`python server.py migrate` with MIGRATION_DATABASE_URL of the role that may."
        )
    return f"{name} cannot be used: {reason}."


def hide_login(url: str) -> str:
    """Returns the address of a database without user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
