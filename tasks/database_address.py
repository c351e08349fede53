"""Checking the addresses of PostgreSQL without connecting to them."""

import settings
from models.database.postgres.address import AddressRejected, parse_address
from models.database.postgres.files import check_files


def database_problems() -> list[str]:
    """Returns the reasons why addresses of PostgreSQL are not supported, one per line."""
    reasons: list[str] = []
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
        url = getattr(settings, name)
        if name in settings.READER.problems or not url or url.startswith("sqlite:"):
            continue
        try:
            check_files(parse_address(url))
        except AddressRejected as reason:
            reasons.append(f"{name} cannot be used: {reason}.")
    return reasons
