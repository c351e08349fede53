"""The server process: the application behind uvicorn, and the welcome."""

import socket

import uvicorn
from starlette.applications import Starlette

import settings
from application import create_application
from commands.status import FAILED
from models.demo import DEMO_TOKENS
from tasks.exports.store import ExportStore
from web.http.protocol import PunctualProtocol
from web.http.websocket import WebSocketProtocol
from web.lifecycle.draining import DrainingServer
from web.lifecycle.service_manager import notify

BACKLOG = 2_048
WELCOME = """
The basket server is up, with {products} and demo users.

  GraphiQL   {graphiql}
  Tokens     {main} (a main division), {sub} (a sub-division of it)

Try it:

  curl -s {address}/graphql -H 'Authorization: Token {main}' -H 'Content-Type: application/json' \\
    -d '{{"query": "mutation {{ basketItemsAdd(input: {{items: [{{\
sku: \\"SKU01\\", divisionErpCode: \\"ERP01\\"}}]}}) {{ basket {{ totalAmount \
totalQuantity }} userErrors {{ message }} }} }}"}}'
"""


RESTRICTED_WELCOME = """
The basket server is up at {address}/graphql. It executes {documents} documents only, so GraphiQL
is off; `server.py documents add` adds trusted ones.
"""


class WelcomingServer(DrainingServer):
    """A server that says where it is once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts listening, then tells the service manager and prints the welcome."""
        await super().startup(sockets)
        if self.started:
            notify(settings.NOTIFY_SOCKET, "READY=1")
        if self.started and settings.EMBEDDED:
            print(write_welcome(), flush=True)


def write_welcome() -> str:
    """Returns the text that an embedded server shows when it is up."""
    main, sub = DEMO_TOKENS
    address, documents = settings.LOCAL_URL, settings.DOCUMENTS
    if documents != "any":
        return RESTRICTED_WELCOME.format(address=address, documents=documents)
    graphiql = f"{address}/graphql" if settings.GRAPHIQL else "switched off"
    products = (
        "the products of COMMERCE_URL" if settings.COMMERCE_URL else "a demo catalogue"
    )
    return WELCOME.format(
        address=address, graphiql=graphiql, products=products, main=main, sub=sub
    )


def run_server(listener: socket.socket, export_store: ExportStore) -> int:
    """Serves on a bound socket until the process is told to stop; returns the exit status."""
    server = create_server(create_application(export_store=export_store))
    try:
        server.run(sockets=[listener])
    except SystemExit:
        # A start that failed has a status of uvicorn's own; the reason is logged.
        if server.started:
            raise
    return 0 if server.started else FAILED


def create_server(application: Starlette) -> WelcomingServer:
    """Returns uvicorn's server for an application, with our protocol and our settings."""
    configuration = uvicorn.Config(
        application,
        http=PunctualProtocol,
        ws=WebSocketProtocol,
        ws_per_message_deflate=False,
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
