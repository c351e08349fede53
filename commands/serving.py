"""Serving: what is checked before, and what is said once the server listens."""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

import logs
import settings
from application import create_application
from commands.database import run_on_database
from commands.status import FAILED
from models.database.connection import (
    DATABASE_FAILURES,
    check_answers,
    connect,
    disconnect,
    migrate_forward,
)
from models.demo import DEMO_TOKENS, write_demo
from settings.names import unknown_names
from web.http.database_fault import fault
from web.http.draining import DrainingServer
from web.http.protocol import PunctualProtocol
from web.startup.checks import check_people, open_export_store, start_problems
from web.startup.not_serving import NotServing
from web.startup.service_manager import notify

logger = logging.getLogger("basket")

BACKLOG = 2_048
WELCOME = """
The basket server is up, with a demo catalogue and demo users.

  GraphiQL   {address}/graphql
  Tokens     {main} (a main division), {sub} (a sub-division of it)

Try it:

  curl -s {address}/graphql -H 'Authorization: Token {main}' -H 'Content-Type: application/json' \\
    -d '{{"query": "mutation {{ basketItemsAdd(input: {{items: [{{sku: \\"SKU01\\", divisionErpCode: \\"ERP01\\"}}]}}) \
{{ basket {{ totalAmount totalQuantity }} userErrors {{ message }} }} }}"}}'
"""


async def prepare_database() -> None:
    """Migrates, and writes the demo when embedded; raises NotServing when production holds demo users."""
    await migrate_forward(
        settings.MIGRATION_ADDRESS, logs.announce, settings.DATABASE_POOLER
    )
    await connect(settings.DATABASE_URL, 1, pooler=settings.DATABASE_POOLER)
    try:
        await check_people()
        if settings.EMBEDDED:
            await write_demo()
    finally:
        await disconnect()


def bound_socket() -> socket.socket:
    """Takes the port, without listening yet; raises NotServing when another program has it.

    `HOST=::` takes it for IPv6 and for IPv4.
    """
    host = settings.HOST.removeprefix("[").removesuffix("]")
    try:
        family, *_, address = _address_of(host)
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _not_bound(error) from None
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            is_v6_only = int(host != "::" or not socket.has_dualstack_ipv6())
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, is_v6_only)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _not_bound(error) from None
    return listener


def _address_of(host: str) -> tuple[Any, ...]:
    """Returns family and address of a host, those of IPv4 where a name has both."""
    found = socket.getaddrinfo(
        host, settings.PORT, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return min(found, key=lambda info: info[0] != socket.AF_INET)


def _not_bound(error: OSError) -> NotServing:
    address = settings.LOCAL_URL.removeprefix("http://")
    return NotServing(f"{address} cannot be served on: {_reason(error)}. Set HOST or PORT.")


def _reason(error: OSError) -> str:
    """Says why an address cannot be taken; the system does not know the errors of names."""
    return (
        os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)
    )


class WelcomingServer(DrainingServer):
    """A server that says where it is once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts listening, then prints the welcome."""
        await super().startup(sockets)
        if self.started:
            notify(settings.NOTIFY_SOCKET, "READY=1")
        if self.started and settings.EMBEDDED:
            main, sub = DEMO_TOKENS
            print(
                WELCOME.format(address=settings.LOCAL_URL, main=main, sub=sub), flush=True
            )


def serve(given: argparse.Namespace) -> int:
    """Migrates and serves until a signal stops the server; returns the exit status."""
    if found := start_problems():
        for problem in found:
            logs.report(problem)
        return FAILED
    # Uvicorn raises the signal again after its shutdown, and the process would die of it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return run_on_database(check_answers) or serve_application(create_application())


def stop(number: int, frame: FrameType | None) -> None:
    """Ends the process with status 0."""
    sys.exit(0)


def serve_application(application: Starlette) -> int:
    """Serves until it is told to stop, and returns the exit status."""
    try:
        store = open_export_store(settings.EXPORT_URL, shared=bool(settings.REDIS_URL))
        application.state.export_store = store
        listener = bound_socket()
        asyncio.run(prepare_database())
    except NotServing as reason:
        logs.report(str(reason))
        return FAILED
    except (OSError, *DATABASE_FAILURES) as failure:
        logs.report(fault(failure))
        return FAILED
    for warning in unknown_names():
        logger.warning(warning)
    configuration = uvicorn.Config(
        application,
        http=PunctualProtocol,
        ws="none",
        backlog=BACKLOG,
        access_log=False,
        server_header=False,
        log_config=None,
        log_level="warning",
        timeout_keep_alive=settings.KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.STOP_SECONDS,
        forwarded_allow_ips=settings.FORWARDED_ALLOW_IPS,
    )
    server = WelcomingServer(configuration, application)
    server.run(sockets=[listener])
    return 0 if server.started else FAILED
