"""Outages, conflicts and faults: which errors mean that the database cannot be used now.

- An *outage* is nobody's fault among our callers, and may be over soon: 503 with Retry-After.
- A *conflict* is an outage of one transaction: it was rolled back, and its work begins again.
- Anything else is a fault of ours: logged with its traceback, masked, 500.
"""

import errno
import socket
import sqlite3
import ssl

from asyncpg.exceptions import (
    DeadlockDetectedError,
    ForeignKeyViolationError,
    InterfaceError,
    InvalidCachedStatementError,
    OutdatedSchemaCacheError,
    PostgresError,
    SerializationError,
    TargetServerAttributeNotMatched,
)
from tortoise.exceptions import BaseORMException, DoesNotExist, IntegrityError

CONFLICTS = (
    SerializationError,
    DeadlockDetectedError,
    # A migration has changed a table between two uses of a prepared statement.
    InvalidCachedStatementError,
    OutdatedSchemaCacheError,
)
"""PostgreSQL's requests to try again; a transaction whose outcome is unknown is none."""

REFERENCE_FAILURES = (ForeignKeyViolationError, IntegrityError, DoesNotExist)
"""The errors of a statement that refers to a row which another transaction has deleted."""

DATABASE_FAILURES = (
    PostgresError,
    InterfaceError,
    BaseORMException,
    OutdatedSchemaCacheError,
    TargetServerAttributeNotMatched,
)
"""The errors, besides OSError, of a database that cannot be reached or does not serve us."""

OUTAGE_CLASSES = {
    "08": "the connection failed",
    "28": "the role or its password is not accepted",
    "40": "the transaction was rolled back",
    "53": "memory, disk space or connections are used up",
    "57": "the server is stopping, starting, or cancelled the statement",
    "58": "the server's operating system failed",
    "F0": "the server's configuration is broken",
    "XX": "the server is broken inside, or its data is damaged",
}
"""PostgreSQL's classes of SQLSTATE that are outages as a whole."""

OUTAGE_STATES = {
    "25006": "the server is read-only: a standby, or a primary that was demoted",
    "25P03": "the transaction was idle for too long",
    "25P04": "the transaction took too long",
    "26000": "a prepared statement is gone: a pooler stands between",
    "3D000": "the database does not exist, for example while it is restored",
    "42501": "the role lacks rights, for example on a table that a migration has just made",
    "42P05": "a prepared statement is there already: a pooler stands between",
    "55P03": "a lock was not available in time",
    "72000": "the snapshot is too old",
}
"""The single SQLSTATEs that are outages while the rest of their class are faults of ours."""

READ_ONLY_STATES = {"25006"}

_ERRNOS = {
    *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSR, errno.EAGAIN),
    *(
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
        errno.ENETUNREACH,
        errno.ENETDOWN,
    ),
    *(
        errno.ENETRESET,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.EPIPE,
    ),
    *(errno.ENOTCONN, errno.ESHUTDOWN, errno.EADDRNOTAVAIL, errno.ENONET, errno.EPROTO),
}
"""Error numbers of the operating system that mean the same wherever they come from."""

_ERRNOS_OF_SOCKETS = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR}
"""Outages on a socket, which has no file name: it is gone, or a firewall forbids it."""

_SQLITE_OUTAGES = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL),
    *(
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
    ),
    *(
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    ),
}


class DatabaseUnusable(ConnectionError):
    """Raised when a database answers and still cannot serve us; the message says why."""


class DatabaseReadOnly(DatabaseUnusable):
    """Raised when a server is read-only: a standby after a fail-over, for example."""


def is_unavailable(error: BaseException) -> bool:
    """Returns whether an error means that the database cannot be used now."""
    return any(_is_outage(cause) for cause in _causes(error))


def is_read_only(error: BaseException) -> bool:
    """Returns whether an error means that the server takes no changes."""
    return any(
        isinstance(cause, DatabaseReadOnly)
        or (isinstance(cause, PostgresError) and cause.sqlstate in READ_ONLY_STATES)
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        # Tortoise wraps the errors of SQLite without naming them as the cause.
        context = cause.__context__ if isinstance(cause, BaseORMException) else None
        cause = cause.__cause__ or context
    return found


def _is_outage(error: BaseException) -> bool:
    if isinstance(error, PostgresError):
        state = error.sqlstate or ""
        is_conflict = isinstance(error, CONFLICTS)
        return is_conflict or state[:2] in OUTAGE_CLASSES or state in OUTAGE_STATES
    if isinstance(error, OSError):
        return _is_outage_of_system(error)
    if isinstance(error, sqlite3.Error):
        # An extended code has its primary code in the lowest byte.
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE_OUTAGES
    # An input that asyncpg rejects is an InterfaceError, too, and a ValueError.
    if isinstance(error, InterfaceError):
        return not isinstance(error, ValueError)
    return isinstance(error, OutdatedSchemaCacheError | TargetServerAttributeNotMatched)


def _is_outage_of_system(error: OSError) -> bool:
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror | ssl.SSLError):
        return True
    if error.errno in _ERRNOS:
        return True
    # asyncio joins the failures of several addresses into an OSError without a number.
    return error.filename is None and (
        error.errno is None or error.errno in _ERRNOS_OF_SOCKETS
    )


_LOST_STATES = {"57P01", "57P02", "57P03", "57P05"}


def is_connection_lost(error: BaseException) -> bool:
    """Whether an error of a statement means that its connection or server is of no more use."""
    return is_read_only(error) or any(_is_loss(cause) for cause in _causes(error))


def _is_loss(error: BaseException) -> bool:
    if isinstance(error, PostgresError):
        return (error.sqlstate or "")[:2] == "08" or error.sqlstate in _LOST_STATES
    return isinstance(error, OSError) and _is_outage_of_system(error)
