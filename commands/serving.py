"""The command that serves: checks, migrations, the port, and the welcome."""

import argparse
import asyncio
import logging
import os
import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette

import logs
import settings
from application import create_application
from commands.database import run_on_database
from commands.status import FAILED
from commands.stopping import exit_on_signals
from models.database.connection import (
    DATABASE_FAILURES,
    check_answers,
    connect,
    disconnect,
    migrate_forward,
)
from models.database.fault import explain_failure
from models.demo import DEMO_TOKENS, write_demo
from settings.names import unknown_names
from settings.startup_error import StartupError
from tasks.exports.store import open_store
from web.http.protocol import PunctualProtocol
from web.lifecycle.checks import check_people, start_problems
from web.lifecycle.draining import DrainingServer
from web.lifecycle.service_manager import notify

logger = logging.getLogger("basket")

BACKLOG = 2_048
WELCOME = """
The basket server is up, with a demo catalogue and demo users.

  GraphiQL   {address}/graphql
  Tokens     {main} (a main division), {sub} (a sub-division of it)

Try it:

  curl -s {address}/graphql -H 'Authorization: Token {main}' -H 'Content-Type: application/json' \\
    -d '{{"query": "mutation {{ basketItemsAdd(input: {{items: [{{\
sku: \\"SKU01\\", divisionErpCode: \\"ERP01\\"}}]}}) {{ basket {{ totalAmount \
totalQuantity }} userErrors {{ message }} }} }}"}}'
"""


async def prepare_database() -> None:
    """Migrates, and writes the demo when embedded; raises StartupError for demo users elsewhere."""
    await migrate_forward(
        settings.MIGRATION_ADDRESS, logs.announce, settings.DATABASE_POOLER
    )
    await connect(settings.DATABASE_URL, 1, pooler=settings.DATABASE_POOLER)
    try:
        if settings.EMBEDDED:
            await write_demo()
        else:
            await check_people(settings.DATABASE_URL)
    finally:
        await disconnect()


def bind_socket() -> socket.socket:
    """Binds the port, without listening yet; raises StartupError when another program has it.

    `HOST=::` takes it for IPv6 and for IPv4.
    """
    host = settings.HOST.removeprefix("[").removesuffix("]")
    try:
        family, *_, address = _look_up(host)
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _not_bound(error) from None
    try:
        # A restarted server must not wait for the last connections of the one before; on Windows
        # the same option would let two programs have the port.
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # One socket for IPv6 and IPv4 where the system can have it.
        if family == socket.AF_INET6:
            is_v6_only = int(host != "::" or not socket.has_dualstack_ipv6())
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, is_v6_only)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _not_bound(error) from None
    return listener


def _look_up(host: str) -> tuple[Any, ...]:
    """Returns family and address of a host, for IPv4 where a name has both."""
    addresses = socket.getaddrinfo(
        host, settings.PORT, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return min(addresses, key=lambda info: info[0] != socket.AF_INET)


def _not_bound(error: OSError) -> StartupError:
    address = settings.LOCAL_URL.removeprefix("http://")
    return StartupError(
        f"{address} cannot be served on: {_reason(error)}. Set HOST or PORT."
    )


def _reason(error: OSError) -> str:
    """Returns the system's message for an error, or that of the look-up of a name."""
    if error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return str(error.strerror)


class WelcomingServer(DrainingServer):
    """A server that says where it is once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts listening, then tells the service manager and prints the welcome."""
        await super().startup(sockets)
        if self.started:
            notify(settings.NOTIFY_SOCKET, "READY=1")
        if self.started and settings.EMBEDDED:
            main, sub = DEMO_TOKENS
            welcome = WELCOME.format(address=settings.LOCAL_URL, main=main, sub=sub)
            print(welcome, flush=True)


def serve(arguments: argparse.Namespace) -> int:
    """Migrates and serves until a signal stops the server; returns the exit status."""
    if reasons := start_problems():
        for reason in reasons:
            logs.report(reason)
        return FAILED
    # Uvicorn raises the signal again after its shutdown, and the process would die of it.
    exit_on_signals()
    return run_on_database(check_answers) or migrate_and_serve()


def migrate_and_serve() -> int:
    """Serves until the process is told to stop, and returns the exit status."""
    try:
        export_store = open_store(
            settings.EXPORT_URL,
            shared=bool(settings.REDIS_URL),
            presigned=settings.EXPORT_PRESIGNED,
            guarded=not settings.EMBEDDED,
        )
        # Bound before the migration, so that a start that cannot serve changes no table.
        listener = bind_socket()
        asyncio.run(prepare_database())
    except StartupError as reason:
        logs.report(str(reason))
        return FAILED
    except (OSError, *DATABASE_FAILURES) as failure:
        logs.report(explain_failure(failure, settings.DATABASE_URL))
        return FAILED
    # Only now, so that a start that fails says nothing but why.
    for warning in unknown_names():
        logger.warning(warning)
    server = create_server(create_application(export_store=export_store))
    server.run(sockets=[listener])
    return 0 if server.started else FAILED


def create_server(application: Starlette) -> WelcomingServer:
    """Returns uvicorn's server for an application, with our protocol and our settings."""
    configuration = uvicorn.Config(
        application,
        http=PunctualProtocol,
        ws="none",
        backlog=BACKLOG,
        access_log=False,
        server_header=False,
        # The logs are set up already; uvicorn would add handlers of its own.
        log_config=None,
        log_level="warning",
        timeout_keep_alive=settings.KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.STOP_SECONDS,
        forwarded_allow_ips=settings.FORWARDED_ALLOW_IPS,
    )
    return WelcomingServer(
        configuration,
        application,
        drain_seconds=settings.DRAIN_SECONDS,
        notify_socket=settings.NOTIFY_SOCKET,
    )
