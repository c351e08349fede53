"""The resources of requests, opened in the order in which they need each other."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict

from strawberry import Schema

from commerce.client import CommerceClient
from commerce.demo import serve_demo
from models.basket.catalogue import Catalogue
from models.basket.check import BasketChecks
from models.database.connection import Bounds, connect, disconnect
from models.live.hub import Hub
from models.user import Buyers
from resolvers.context import Policy
from settings.options import Options
from tasks.exports.address import ExportAddresses
from tasks.exports.exports import Exports
from tasks.exports.metrics import DeadLetters
from tasks.exports.service import open_exports
from tasks.exports.store import ExportStore, open_store
from tasks.redis.check import RedisCheck
from tasks.redis.connection import RedisServer
from tasks.redis.server import find_redis_server
from tasks.spreadsheets.reading import SpreadsheetReader
from tasks.spreadsheets.sheet import SpreadsheetLimits
from web.graphql.executor import GraphQLExecutor
from web.http.connection_limits import ConnectionLimits
from web.http.credentials import Credentials
from web.http.rate_limit import RateLimits, rate_limits
from web.http.versioned import VersionedResponses
from web.http.websocket import WebSocketLimits
from web.lifecycle.authentication import open_authentication
from web.lifecycle.checks import check_people, check_tables
from web.lifecycle.purge import purge_rows
from web.live.guard import SessionGuard
from web.live.limits import LiveConnections
from web.live.service import open_hub

if TYPE_CHECKING:
    from web.monitoring.tracing import Tracing


class FixedState(TypedDict):
    """Those resources that follow from options alone, and need no opening."""

    policy: Policy
    connection_limits: ConnectionLimits
    websocket_limits: WebSocketLimits
    live_connections: LiveConnections


class State(FixedState):
    """The resources that requests find in `request.state`, and connections in their state."""

    buyers: Buyers
    credentials: Credentials
    commerce: CommerceClient
    redis: RedisCheck | None
    exports: Exports
    export_store: ExportStore
    spreadsheets: SpreadsheetReader
    catalogue: Catalogue
    checks: BasketChecks
    hub: Hub
    session_guard: SessionGuard
    rate_limits: RateLimits
    responses: VersionedResponses


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of an application that its resources need."""

    options: Options
    schema: Schema
    executor: GraphQLExecutor
    export_store: ExportStore | None
    """An open one; None for that of the options."""
    dead_letters: DeadLetters
    tracing: "Tracing | None"


@asynccontextmanager
async def open_resources(parts: Parts) -> AsyncIterator[State]:
    """Opens all resources, and closes them in the opposite order."""
    options = parts.options
    store = parts.export_store or _open_export_store(options)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        commerce = await _open_database_and_commerce(parts, stack)
        # After the database: without a prefix in the settings, its name becomes that of our keys.
        redis = await find_redis_server(options.redis_url, options.redis_prefix)
        await enter(purge_rows(options))
        await enter(parts.executor.library.open(redis))
        spreadsheets = await _open_spreadsheets(options, stack)
        buyers, credentials = await enter(open_authentication(options))
        guard = SessionGuard(buyers)
        hub = await enter(open_hub(redis, guard))
        catalogue = Catalogue(contents_bytes=options.response_cache_bytes)
        checks = BasketChecks(catalogue.contents)
        yield {
            "buyers": buyers,
            "credentials": credentials,
            "commerce": commerce,
            "redis": stack.enter_context(closing(RedisCheck(redis))) if redis else None,
            "exports": await _open_exports(parts, store, redis, stack),
            "export_store": store,
            "spreadsheets": spreadsheets,
            "catalogue": catalogue,
            "checks": checks,
            "hub": hub,
            "session_guard": guard,
            "rate_limits": await _open_rate_limits(options, redis, stack),
            "responses": VersionedResponses.from_options(
                options, parts.schema, hub, checks
            ),
            **_fixed_state(options),
        }


async def _open_database_and_commerce(
    parts: Parts, stack: AsyncExitStack
) -> CommerceClient:
    options, tracing = parts.options, parts.tracing
    if tracing:
        await stack.enter_async_context(tracing.open())
    await stack.enter_async_context(_open_database(options))
    await check_tables()
    if not options.is_embedded:
        await check_people(options.database_url)
    url = options.commerce_url or await stack.enter_async_context(serve_demo())
    client = _create_commerce_client(options, url, tracing)
    return await stack.enter_async_context(client)


@asynccontextmanager
async def _open_database(options: Options) -> AsyncIterator[None]:
    """Keeps the database open."""
    bounds = Bounds(
        options.database_pool_wait_seconds,
        options.database_statement_timeout_seconds,
        checks_role=True,
    )
    url, size = options.database_url, options.database_pool_size
    await connect(url, size, bounds, options.database_pooler)
    try:
        yield
    finally:
        await disconnect()


def _create_commerce_client(
    options: Options, url: str, tracing: "Tracing | None"
) -> CommerceClient:
    """Returns the one client of Commerce."""
    return CommerceClient(
        url,
        token=str(options.commerce_token),
        timeout=options.commerce_timeout_seconds,
        retries=options.commerce_retries,
        concurrency=options.commerce_concurrency,
        traces=[tracing.commerce()] if tracing else [],
        # The demo Commerce is on this machine.
        proxy=options.commerce_proxy if options.commerce_url else "",
        ca_file=options.commerce_ca_file,
    )


async def _open_spreadsheets(options: Options, stack: AsyncExitStack) -> SpreadsheetReader:
    reader = SpreadsheetReader(_spreadsheet_limits(options))
    await stack.enter_async_context(reader.open())
    return reader


def _spreadsheet_limits(options: Options) -> SpreadsheetLimits:
    """Returns the limits of imported files."""
    return SpreadsheetLimits(
        file_bytes=options.import_maximum_bytes,
        rows=options.import_maximum_rows,
        columns=options.import_maximum_columns,
        unpacked_bytes=options.import_maximum_unpacked_bytes,
        cell_length=options.import_maximum_cell_length,
    )


async def _open_exports(
    parts: Parts, store: ExportStore, redis: RedisServer | None, stack: AsyncExitStack
) -> Exports:
    retention = timedelta(seconds=parts.options.export_kept_seconds)
    addresses = ExportAddresses.from_options(parts.options)
    exports = open_exports(redis, store, addresses, retention, parts.dead_letters)
    return await stack.enter_async_context(exports)


def _open_export_store(options: Options) -> ExportStore:
    """Opens the place of exported files; raises StartupError when it cannot be used."""
    return open_store(
        options.export_url,
        shared=bool(options.redis_url),
        presigned=options.export_presigned,
        guarded=not options.is_embedded,
    )


async def _open_rate_limits(
    options: Options, redis: RedisServer | None, stack: AsyncExitStack
) -> RateLimits:
    limits = rate_limits(
        redis, token=options.rate_limit_token, address=options.rate_limit_address
    )
    return await stack.enter_async_context(limits)


def _fixed_state(options: Options) -> FixedState:
    return {
        "policy": Policy.from_options(options),
        "connection_limits": ConnectionLimits.from_options(options),
        "websocket_limits": WebSocketLimits.from_options(options),
        "live_connections": LiveConnections.from_options(options),
    }
