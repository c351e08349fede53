"""Outages, conflicts and faults, told by SQLSTATE, error number and cause."""

import errno
import os
import socket
import sqlite3
import ssl

import pytest
from asyncpg import PostgresError
from asyncpg.exceptions import DataError as ClientDataError
from asyncpg.exceptions import InterfaceError, OutdatedSchemaCacheError
from tortoise.exceptions import OperationalError, TransactionManagementError

from models.database.connection import SERIALIZATION_FAILURES
from models.database.outage import (
    DatabaseReadOnly,
    is_connection_lost,
    is_read_only,
    is_unavailable,
)


def postgres_error(state: str) -> PostgresError:
    """Returns the error that asyncpg raises for a SQLSTATE."""
    return PostgresError.new({"C": state, "M": "a message", "S": "ERROR"})


OUTAGES = (
    "08000 08001 08003 08004 08006 08007 08P01 25006 25P03 25P04 26000 28000 28P01 3D000 40001 40P01 "
    "40003 42501 42P05 53000 53100 53200 53300 53400 55P03 57014 57P01 57P02 57P03 57P04 57P05 58000 58030 "
    "58P01 72000 F0001 XX000 XX001 XX002"
)
FAULTS = "22003 22012 22P05 23505 23503 25P02 42601 42703 42P01 42883 54001 0A000 P0001"


@pytest.mark.parametrize("state", OUTAGES.split())
def test_a_state_of_the_server_is_an_outage(state: str) -> None:
    assert is_unavailable(postgres_error(state))


@pytest.mark.parametrize("state", FAULTS.split())
def test_a_statement_that_is_wrong_is_a_fault_of_ours(state: str) -> None:
    assert not is_unavailable(postgres_error(state))


def test_a_state_that_nobody_knows_is_told_by_its_class() -> None:
    assert is_unavailable(postgres_error("57Q99"))
    assert not is_unavailable(postgres_error("42Q99"))


@pytest.mark.parametrize(
    ("state", "is_conflict"), [("40001", 1), ("40P01", 1), ("40003", 0)]
)
def test_only_a_transaction_that_is_undone_is_begun_again(
    state: str, is_conflict: int
) -> None:
    assert isinstance(postgres_error(state), SERIALIZATION_FAILURES) == bool(is_conflict)


def test_a_statement_prepared_before_a_migration_is_a_conflict() -> None:
    error = PostgresError.new(
        {
            "C": "0A000",
            "M": "cached plan must not change result type",
            "S": "ERROR",
            "R": "RevalidateCachedQuery",
        }
    )
    assert isinstance(error, SERIALIZATION_FAILURES)
    assert issubclass(OutdatedSchemaCacheError, SERIALIZATION_FAILURES)


NUMBERS = (
    *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN),
    *(
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ENETDOWN,
    ),
    *(errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE, errno.EADDRNOTAVAIL, errno.EPERM),
    *(errno.ENOENT, errno.EACCES),
)


@pytest.mark.parametrize("number", NUMBERS, ids=errno.errorcode.get)
def test_a_number_of_the_system_on_a_socket_is_an_outage(number: int) -> None:
    assert is_unavailable(OSError(number, os.strerror(number)))


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EISDIR])
def test_a_number_of_the_system_on_a_file_is_a_fault_of_ours(number: int) -> None:
    assert not is_unavailable(OSError(number, os.strerror(number), "/a/file"))


def test_too_many_open_files_are_an_outage_wherever_they_are_met() -> None:
    assert is_unavailable(OSError(errno.EMFILE, "Too many open files", "/a/file"))


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(socket.EAI_AGAIN, "try again"),
        ssl.SSLCertVerificationError("expired"),
        TimeoutError(),
        OSError("Multiple exceptions: [Errno 111], [Errno 111]"),
        DatabaseReadOnly("a standby"),
        InterfaceError("connection is closed"),
        OutdatedSchemaCacheError("a type has changed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_cannot_be_made_or_used_is_an_outage(error: Exception) -> None:
    assert is_unavailable(error)


@pytest.mark.parametrize(
    "error", [ClientDataError("not an int"), ValueError(), KeyError("x")]
)
def test_an_input_that_does_not_fit_is_a_fault_of_ours(error: Exception) -> None:
    assert not is_unavailable(error)


def test_what_tortoise_wraps_is_found() -> None:
    error = TransactionManagementError("read-only")
    error.__cause__ = postgres_error("25006")
    assert is_unavailable(error)
    assert is_read_only(error)
    assert is_connection_lost(error)
    assert not is_unavailable(OperationalError("no cause"))


@pytest.mark.parametrize(
    ("name", "is_outage"),
    [
        ("SQLITE_BUSY", 1),
        ("SQLITE_READONLY", 1),
        ("SQLITE_IOERR", 1),
        ("SQLITE_CONSTRAINT", 0),
    ],
)
def test_sqlite_is_told_by_its_code(name: str, is_outage: int) -> None:
    error = sqlite3.OperationalError("of SQLite")
    error.sqlite_errorcode = getattr(sqlite3, name)
    assert is_unavailable(error) == bool(is_outage)


@pytest.mark.parametrize("state", ["40001", "40P01", "53300", "55P03", "57014", "23505"])
def test_the_failure_of_one_statement_loses_no_connection(state: str) -> None:
    assert not is_connection_lost(postgres_error(state))
