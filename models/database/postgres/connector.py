"""Connecting to PostgreSQL: each host in turn, bounded, to a server that takes changes."""

import asyncio
import logging
import random
import socket
import ssl
from functools import partial
from typing import Any

import asyncpg
from asyncpg import Connection
from asyncpg.exceptions import PostgresError

from models.database.outage import DATABASE_FAILURES, DatabaseReadOnly, DatabaseUnusable
from models.database.postgres.address import PostgresAddress
from models.database.postgres.asyncpg_internals import (
    introduce_arrays,
    tcp_socket,
    unnamed_statements,
)
from models.database.postgres.pooler import (
    TRACKED,
    is_rejected_setting,
    keeps_statements,
    warn_of_role,
)

logger = logging.getLogger("basket")

KEEP_ALIVE = {
    "keepalives_idle": (socket.TCP_KEEPIDLE, 1),
    "keepalives_interval": (socket.TCP_KEEPINTVL, 1),
    "keepalives_count": (socket.TCP_KEEPCNT, 3),
    "tcp_user_timeout": (socket.TCP_USER_TIMEOUT, 2_000),
}
"""libpq's word, the option of the socket and our value: a dead peer is noticed within 3 seconds."""

STATE = (
    "SELECT current_setting('transaction_read_only'), pg_backend_pid(), pg_is_in_recovery()"
)


class Connector:
    """Opens connections to one database; asyncpg's pool calls it for each of its connections."""

    def __init__(
        self,
        address: PostgresAddress,
        session: dict[str, str],
        maximum_seconds: float,
        pooler: str,
        *,
        checks_role: bool,
    ) -> None:
        self.address = address
        self.session = session | address.server_settings
        self.seconds = min(address.connect_seconds, maximum_seconds)
        self.is_found_out = pooler == "auto"
        self.is_pooled = pooler in ("named", "unnamed")
        self.keeps_statements = pooler != "unnamed"
        self._is_learnt = pooler != "auto"
        # Of the connections that serve only: those of commands are few, and have other limits.
        self._checks_role = checks_role
        self._is_role_checked = not checks_role
        self._learning = asyncio.Lock()
        self._hosts = list(address.hosts)
        if address.words.get("load_balance_hosts") == "random":
            random.shuffle(self._hosts)

    def __repr__(self) -> str:
        """Returns the address without its password, because Tortoise logs it."""
        return f"<Connector of {self.address.name}>"

    async def __call__(self, *given: Any, **more: Any) -> Connection:
        """Returns a connection to the first host that can serve us, the last such one first."""
        failures: list[Exception] = []
        for host in tuple(self._hosts):
            try:
                connection = await self._connect_to(host, more)
            except (OSError, *DATABASE_FAILURES) as error:
                failures.append(error)
                # What one host answers for the whole installation, the next one need not be asked.
                if not isinstance(error, OSError) and not _is_of_host(error):
                    raise
                continue
            if host != self._hosts[0]:
                self._hosts.remove(host)
                self._hosts.insert(0, host)
            return connection
        raise failures[-1]

    async def _connect_to(
        self, host: tuple[str | None, int], more: dict[str, Any]
    ) -> Connection:
        connection = await self._connect_once(host, more)
        if not self.is_pooled or (self._is_learnt and self._is_role_checked):
            return connection
        try:
            await self._learn(host, connection)
        except BaseException:
            connection.terminate()
            raise
        if self.keeps_statements:
            return connection
        # It was opened to cache named statements, which this pooler loses.
        connection.terminate()
        return await self._connect_once(host, more)

    async def _learn(self, host: tuple[str | None, int], connection: Connection) -> None:
        """Finds out whether the pooler keeps prepared statements, and checks the role, once."""
        # Connections that are opened at the same time wait, and learn from the first one.
        async with self._learning:
            await self._learn_statements(host)
        if not self._is_role_checked:
            self._is_role_checked = True
            with unnamed_statements(connection):
                await warn_of_role(connection, self.address.user, self.session)

    async def _learn_statements(self, host: tuple[str | None, int]) -> None:
        if self._is_learnt:
            return
        self.keeps_statements = await keeps_statements(partial(self._open, host, {}))
        self._is_learnt = True
        if self._checks_role:
            kind = "keeps" if self.keeps_statements else "does not keep"
            logger.info(
                "A pooler stands before PostgreSQL; it %s prepared statements.", kind
            )

    def distrust_names(self) -> None:
        """Stops using prepared statements that have a name: a pooler has lost one."""
        if self.is_found_out and self.keeps_statements:
            self.is_pooled, self.keeps_statements, self._is_learnt = True, False, True
            logger.warning(
                "A prepared statement is gone: a pooler stands before PostgreSQL and does not keep "
                "them. They are used no longer; set DATABASE_POOLER=unnamed."
            )

    async def _connect_once(
        self, host: tuple[str | None, int], more: dict[str, Any]
    ) -> Connection:
        connection: Connection | None = None
        try:
            async with asyncio.timeout(self.seconds):
                connection = await self._open_with_settings(host, more)
                _set_keep_alive(connection, self.address.words)
                introduce_arrays(connection)
                await self._check(connection)
        except TimeoutError:
            _close(connection)
            place = f"{host[0] or 'the local socket'}, port {host[1]}"
            raise TimeoutError(
                f"PostgreSQL at {place} did not answer within {self.seconds:g} seconds."
            ) from None
        except BaseException:
            _close(connection)
            raise
        return connection

    async def _open_with_settings(
        self, host: tuple[str | None, int], more: dict[str, Any]
    ) -> Connection:
        # Another connection may find out meanwhile.
        was_pooled = self.is_pooled
        try:
            return await self._open(host, more)
        except PostgresError as error:
            if not is_rejected_setting(error) or was_pooled:
                raise
            if not self.is_found_out:
                raise DatabaseUnusable(
                    f"a pooler stands before it, and DATABASE_POOLER is none ({error})"
                ) from error
        self.is_pooled = True
        return await self._open(host, more)

    async def _open(self, host: tuple[str | None, int], more: dict[str, Any]) -> Connection:
        settings = self.session
        if self.is_pooled:
            settings = {name: settings[name] for name in TRACKED if name in settings}
        return await asyncpg.connect(
            self.address.tls_address,
            host=host[0],
            port=host[1],
            user=self.address.user,
            password=self.address.password,
            passfile=self.address.words.get("passfile"),
            database=self.address.database,
            ssl=ssl.create_default_context() if self.address.trusts_system else None,
            # Whether a server is a standby is asked below, of every release in the same way.
            target_session_attrs="any",
            server_settings=settings,
            statement_cache_size=100 if self.keeps_statements else 0,
            # asyncpg's own timeout holds for all hosts together, and is above.
            timeout=None,
            **more,
        )

    async def _check(self, connection: Connection) -> None:
        encoding = connection.get_settings().server_encoding
        if encoding != "UTF8":
            raise DatabaseUnusable(
                f"the database {self.address.database} has the encoding {encoding}; "
                "it must be UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
            )
        with unnamed_statements(connection):
            row = await connection.fetchrow(STATE)
        if row[0] == "on":
            kind = "a standby" if row[2] else "read-only"
            raise DatabaseReadOnly(f"the server of {self.address.name} is {kind}")
        # A pooler tells the number of a process that is none of the server's.
        if self.is_found_out and row[1] != connection.get_server_pid():
            self.is_pooled = True


def _is_of_host(error: Exception) -> bool:
    """Returns whether another host may answer otherwise: this one is starting, stopping or full."""
    return isinstance(error, PostgresError) and (error.sqlstate or "")[:2] in (
        "53",
        "57",
        "08",
    )


def _close(connection: Connection | None) -> None:
    if connection is not None:
        connection.terminate()


def _set_keep_alive(connection: Connection, words: dict[str, str]) -> None:
    tcp = tcp_socket(connection)
    if tcp is None or tcp.family not in (socket.AF_INET, socket.AF_INET6):
        return
    is_on = words.get("keepalives", "1") == "1"
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, is_on)
    for word, (option, default) in KEEP_ALIVE.items():
        value = int(words.get(word, 0)) or default
        if is_on or word == "tcp_user_timeout":
            tcp.setsockopt(socket.IPPROTO_TCP, option, value)
