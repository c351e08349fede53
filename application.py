"""The composition root: it makes an application of its options, and opens its resources."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from strawberry import Schema

import logs
from commerce.client import CommerceClient
from commerce.demo import serve_demo
from models.basket.catalogue import Catalogue
from models.database.connection import Bounds, connect, disconnect
from models.live.hub import Hub
from models.user import Buyers
from resolvers.context import Policy
from resolvers.mutation import Mutation
from resolvers.query import Query
from resolvers.subscription import Subscription
from schema.execution.strawberry_internals import graphql_schema
from schema.scalars import CONFIGURATION
from settings.options import OPTIONS, LogOptions, Options
from tasks.exports.address import ExportAddresses
from tasks.exports.exports import Exports
from tasks.exports.metrics import DeadLetters
from tasks.exports.service import open_exports
from tasks.exports.store import ExportStore, open_store
from tasks.redis.check import RedisCheck
from tasks.redis.server import find_redis_server
from tasks.spreadsheets.reading import SpreadsheetReader
from tasks.spreadsheets.sheet import SpreadsheetLimits
from web.exports.download import ExportDownload
from web.graphql.executor import GraphQLExecutor
from web.graphql.graphiql import GraphiqlPage
from web.graphql.request import RequestRules
from web.graphql.view import GraphQLView
from web.http.address_limit import AddressLimit
from web.http.compression import Compression
from web.http.credentials import Credentials
from web.http.cross_origin import cross_origin_sharing
from web.http.direct_route import DirectRoute
from web.http.errors import http_error
from web.http.path_prefix import PathPrefix
from web.http.protocol import ArrivalLimits
from web.http.rate_limit import RateLimits, rate_limits
from web.http.versioned import VersionedResponses
from web.http.websocket import WebSocketLimits
from web.lifecycle.authentication import open_authentication
from web.lifecycle.checks import check_migrations, check_people, check_settings
from web.lifecycle.memory import freeze_objects
from web.lifecycle.purge import purge_rows
from web.live.guard import SessionGuard
from web.live.http import HttpStreams
from web.live.limits import LiveConnections
from web.live.service import open_hub
from web.live.websocket import LiveWebSocket
from web.monitoring.health import healthz, readyz
from web.monitoring.metrics import Metrics
from web.monitoring.recorder import RequestRecorder
from web.monitoring.tracing_loader import load_tracing
from web.rest.router import rest_routes

if TYPE_CHECKING:
    from web.monitoring.tracing import Tracing

schema = Schema(
    query=Query, mutation=Mutation, subscription=Subscription, config=CONFIGURATION
)


class State(TypedDict):
    """The resources that requests find in `request.state`, and connections in their state."""

    buyers: Buyers
    credentials: Credentials
    commerce: CommerceClient
    redis: RedisCheck | None
    exports: Exports
    export_store: ExportStore
    spreadsheets: SpreadsheetReader
    policy: Policy
    catalogue: Catalogue
    hub: Hub
    session_guard: SessionGuard
    rate_limits: RateLimits
    arrival_limits: ArrivalLimits
    websocket_limits: WebSocketLimits
    live_connections: LiveConnections
    responses: VersionedResponses


def create_application(
    options: Options = OPTIONS, export_store: ExportStore | None = None
) -> Starlette:
    """Returns the application; without an address of Commerce it serves a demo Commerce."""
    tracing = load_tracing() if options.has_collector else None
    dead_letters = DeadLetters()
    metrics = Metrics(
        token=str(options.metrics_token),
        is_embedded=options.is_embedded,
        folder=options.metrics_folder,
        dead_letters=dead_letters,
    )
    page = GraphiqlPage.from_options(options)
    download = ExportDownload(ExportAddresses.from_options(options))
    executor = create_executor(options)
    if tracing:
        executor.instrument = tracing.trace_execution
    view = create_view(options, executor, page)
    websocket = LiveWebSocket(executor, [*options.cors_origins, options.public_origin])

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[State]:
        logs.take_over(LogOptions())
        check_settings()
        store = export_store or open_export_store(options)
        async with open_resources(options, store, dead_letters, tracing, executor) as state:
            async with metrics.open():
                freeze_objects()
                yield state

    application = Starlette(
        routes=[
            *(page.routes() if page else []),
            Route("/export_file/{name}", download.respond),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics.respond),
            *rest_routes(options),
        ],
        middleware=middleware(options, view, websocket, tracing),
        exception_handlers={HTTPException: http_error},
        lifespan=lifespan,
    )
    # Starlette would redirect to an address made of the Host header, which the client writes.
    application.router.redirect_slashes = False
    return application


def open_export_store(options: Options) -> ExportStore:
    """Opens the place of exported files; raises StartupError when it cannot be used."""
    return open_store(
        options.export_url,
        shared=bool(options.redis_url),
        presigned=options.export_presigned,
        guarded=not options.is_embedded,
    )


def spreadsheet_limits(options: Options) -> SpreadsheetLimits:
    """Returns the limits of imported files."""
    return SpreadsheetLimits(
        file_bytes=options.import_maximum_bytes,
        rows=options.import_maximum_rows,
        columns=options.import_maximum_columns,
        unpacked_bytes=options.import_maximum_unpacked_bytes,
        cell_length=options.import_maximum_cell_length,
    )


def create_executor(options: Options) -> GraphQLExecutor:
    """Returns the executor of all transports."""
    return GraphQLExecutor.from_options(graphql_schema(schema), options)


def create_view(
    options: Options,
    executor: GraphQLExecutor,
    page: GraphiqlPage | None,
) -> GraphQLView:
    """Returns the endpoint of GraphQL."""
    return GraphQLView(
        executor,
        streams=HttpStreams.from_options(executor, options),
        rules=RequestRules.from_options(options),
        page=page,
        is_compressed=options.has_compression,
    )


def middleware(
    options: Options,
    view: GraphQLView,
    websocket: LiveWebSocket,
    tracing: "Tracing | None",
) -> list[Middleware]:
    """Returns the middleware, outermost first; behind it, /graphql is found without the router."""
    layers: list[Middleware] = []
    if options.root_path:
        layers.append(Middleware(PathPrefix, prefix=options.root_path))
    if options.cors_origins:
        # Outside of the recorder, so that pages can also read its responses: 500 and 503.
        layers.append(cross_origin_sharing(options.cors_origins))
    layers.append(
        Middleware(
            RequestRecorder,
            has_timing=options.is_embedded,
            has_access_log=options.access_log,
        )
    )
    if tracing:
        layers.append(tracing.middleware())
    layers.append(Middleware(AddressLimit))
    layers.append(
        Middleware(DirectRoute, path="/graphql", endpoint=view, websocket=websocket)
    )
    if options.has_compression:
        layers.append(Middleware(Compression))
    return layers


@asynccontextmanager
async def open_resources(
    options: Options,
    export_store: ExportStore,
    dead_letters: DeadLetters,
    tracing: "Tracing | None",
    executor: GraphQLExecutor,
) -> AsyncIterator[State]:
    """Opens the resources of requests, in the order in which they need each other."""
    async with AsyncExitStack() as resources:
        enter = resources.enter_async_context
        if tracing:
            await enter(tracing.open())
        await enter(open_database(options))
        await check_migrations()
        if not options.is_embedded:
            await check_people(options.database_url)
        commerce_url = options.commerce_url or await enter(serve_demo())
        commerce = await enter(create_commerce_client(options, commerce_url, tracing))
        # After the database: without a prefix in the settings, its name becomes that of our keys.
        redis = await find_redis_server(options.redis_url, options.redis_prefix)
        await enter(purge_rows(options))
        await enter(executor.library.open(redis))
        spreadsheets = SpreadsheetReader(spreadsheet_limits(options))
        await enter(spreadsheets.open())
        retention = timedelta(seconds=options.export_kept_seconds)
        addresses = ExportAddresses.from_options(options)
        exports = open_exports(redis, export_store, addresses, retention, dead_letters)
        buyers, credentials = await enter(open_authentication(options))
        guard = SessionGuard(buyers)
        hub = await enter(open_hub(redis, guard))
        limits = rate_limits(
            redis, token=options.rate_limit_token, address=options.rate_limit_address
        )
        yield {
            "buyers": buyers,
            "credentials": credentials,
            "commerce": commerce,
            "redis": resources.enter_context(closing(RedisCheck(redis))) if redis else None,
            "exports": await enter(exports),
            "export_store": export_store,
            "spreadsheets": spreadsheets,
            "policy": Policy.from_options(options),
            "catalogue": Catalogue(),
            "hub": hub,
            "session_guard": guard,
            "rate_limits": await enter(limits),
            "arrival_limits": ArrivalLimits.from_options(options),
            "websocket_limits": WebSocketLimits.from_options(options),
            "live_connections": LiveConnections.from_options(options),
            "responses": VersionedResponses.from_options(options, schema, hub),
        }


@asynccontextmanager
async def open_database(options: Options) -> AsyncIterator[None]:
    """Keeps the database open."""
    bounds = Bounds(
        options.database_pool_wait_seconds, options.database_statement_timeout_seconds
    )._replace(checks_role=True)
    url, size = options.database_url, options.database_pool_size
    await connect(url, size, bounds, options.database_pooler)
    try:
        yield
    finally:
        await disconnect()


def create_commerce_client(
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
