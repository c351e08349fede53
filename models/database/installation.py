"""Which installation a database belongs to, so that several may share one Redis."""

import hashlib

from asyncpg.exceptions import InsufficientPrivilegeError
from tortoise.connection import get_connection
from tortoise.exceptions import OperationalError

DIGEST_LENGTH = 12


class InstallationUnknown(Exception):
    """Raised when the role of the database may not read which server it is on."""


async def read_installation() -> str:
    """Returns a short name of the connected database that no other database has.

    On PostgreSQL it is made of the server's own identifier and the database's name, so it is the
    same behind a pooler, after a fail-over and for every spelling of the address, and another one
    for a dump restored elsewhere. On SQLite it is made of the file's path. Raises
    InstallationUnknown.
    """
    connection = get_connection("default")
    if connection.capabilities.dialect == "sqlite":
        return _digest(str(getattr(connection, "filename", "")))
    statement = (
        "SELECT system_identifier::text || '/' || current_database() AS name "
        "FROM pg_control_system()"
    )
    try:
        (row,) = await connection.execute_query_dict(statement)
    except (OperationalError, InsufficientPrivilegeError) as error:
        # Tortoise wraps some of the driver's errors.
        if isinstance(error.__cause__ or error, InsufficientPrivilegeError):
            raise InstallationUnknown(
                "The role may not call pg_control_system()."
            ) from error
        raise
    return _digest(row["name"])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
