"""The composition root: settings, resources, schema, routes."""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, TypedDict

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from strawberry import Schema

import logs
import settings
from commerce.client import CommerceClient
from commerce.demo import serve_demo
from models.background import background_loop
from models.database.connection import Bounds, connect, disconnect
from models.demo import DEMO_TOKENS
from models.idempotency import delete_expired_keys
from models.user import Buyers
from resolvers.mutation import Mutation
from resolvers.query import Query
from schema.scalars import CONFIGURATION
from settings.startup_error import StartupError
from tasks.attempts import Attempts
from tasks.broker import create_broker
from tasks.embedded_worker import embedded_worker
from tasks.exports.actor import declare_export
from tasks.exports.exports import Exports
from tasks.exports.metrics import DEAD_LETTERS
from tasks.exports.sending import sending
from tasks.exports.store import ExportStore
from tasks.exports.sweeper import ExportSweeper, sweeping_exports
from tasks.redis.check import RedisCheck
from tasks.redis.connection import RedisServer
from tasks.redis.server import find_redis_server
from tasks.spreadsheets.reading import SpreadsheetReader
from web.export_file import export_file
from web.graphql.graphiql import graphiql_routes
from web.graphql.introspection import hide_suggestions
from web.graphql.view import GraphQLView
from web.http.address_limit import AddressLimit
from web.http.direct_route import DirectRoute
from web.http.errors import http_error
from web.http.path_prefix import PathPrefix
from web.http.rate_limit import RateLimits, rate_limits
from web.monitoring.health import healthz, readyz
from web.monitoring.metrics import metrics
from web.monitoring.process_metrics import sharing_metrics
from web.monitoring.request_record import Observation
from web.rest.router import rest_routes
from web.startup.checks import (
    check_migrations,
    check_people,
    check_settings,
    open_export_store,
    opened_store,
)
from web.startup.not_serving import NotServing

if TYPE_CHECKING:
    from web.monitoring.tracing import Tracing

logger = logging.getLogger("basket")

SWEEP_SECONDS = 600.0
"""Seconds between two deletions of expired idempotency keys."""
SEND_PATIENCE_SECONDS = 2.0
"""How long Redis may take to accept a message before it is left to the sweeper."""


schema = Schema(query=Query, mutation=Mutation, config=CONFIGURATION)


class State(TypedDict):
    """What requests find in `request.state`."""

    buyers: Buyers
    commerce: CommerceClient
    redis: RedisCheck | None
    exports: Exports
    export_store: ExportStore
    spreadsheets: SpreadsheetReader
    rate_limits: RateLimits


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[None]:
    """Keeps the database open."""
    bounds = Bounds(
        settings.DATABASE_POOL_WAIT_SECONDS, settings.DATABASE_STATEMENT_TIMEOUT_SECONDS
    )
    await connect(
        database_url, settings.DATABASE_POOL_SIZE, bounds, settings.DATABASE_POOLER
    )
    try:
        yield
    finally:
        await disconnect()


@asynccontextmanager
async def exporting(
    redis: RedisServer | None, store: ExportStore
) -> AsyncIterator[Exports]:
    """Sends and sweeps the jobs of exports and, where no Redis is configured, works on them in this process."""
    kept = timedelta(seconds=settings.EXPORT_KEPT_SECONDS)
    attempts = Attempts()
    broker = create_broker(redis, timeout=SEND_PATIENCE_SECONDS, middleware=[attempts])
    DEAD_LETTERS.watch(broker)
    async with AsyncExitStack() as resources:
        sender = await resources.enter_async_context(
            sending(declare_export(broker, attempts, store, kept))
        )
        if redis is None:
            await resources.enter_async_context(embedded_worker(broker))
        await resources.enter_async_context(sweeping_exports(ExportSweeper(sender, store)))
        yield Exports(sender, store)


def configured_tracing() -> "Tracing | None":
    """Returns the tracing when a collector is configured; the import costs what nobody else should pay."""
    if not (
        settings.OTEL_EXPORTER_OTLP_ENDPOINT or settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
    ):
        return None
    try:
        tracing: Tracing = import_module("web.monitoring.tracing").Tracing()
    except ModuleNotFoundError:
        logger.warning(
            "A collector is configured, and the extra `opentelemetry` is not installed: no traces."
        )
        return None
    return tracing


def commerce_client(url: str, tracing: "Tracing | None") -> CommerceClient:
    """Returns the one client of Commerce."""
    return CommerceClient(
        url,
        token=str(settings.COMMERCE_TOKEN),
        timeout=settings.COMMERCE_TIMEOUT_SECONDS,
        retries=settings.COMMERCE_RETRIES,
        concurrency=settings.COMMERCE_CONCURRENCY,
        traces=[tracing.commerce()] if tracing else [],
        # The demo Commerce server is on this machine.
        proxy=settings.COMMERCE_PROXY if settings.COMMERCE_URL else "",
        ca_file=settings.COMMERCE_CA_FILE,
    )


def middleware(
    view: GraphQLView, tracing: "Tracing | None", *, with_timing: bool
) -> list[Middleware]:
    """Returns the middleware, outermost first; behind it, /graphql is found without the router."""
    layers: list[Middleware] = []
    if settings.ROOT_PATH:
        layers.append(Middleware(PathPrefix, prefix=settings.ROOT_PATH))
    if settings.CORS_ORIGINS:
        # Outside of the observation, so that a page can also read its answers: 500 and 503.
        layers.append(cross_origin_sharing())
    layers.append(
        Middleware(
            Observation, with_timing=with_timing, with_access_log=settings.ACCESS_LOG
        )
    )
    if tracing:
        layers.append(tracing.middleware())
    layers.append(Middleware(AddressLimit))
    layers.append(Middleware(DirectRoute, path="/graphql", target=view))
    return layers


def cross_origin_sharing() -> Middleware:
    """Returns the middleware that lets pages of CORS_ORIGINS ask and read."""
    return Middleware(
        CORSMiddleware,
        allow_origins=settings.CORS_ORIGINS,
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        # Pages of these origins may send what they like: clients add headers of their own, and so
        # do tracers, and nothing here trusts a header because a browser would not send it.
        allow_headers=["*"],
        expose_headers=[
            "Content-Disposition",
            "Content-Range",
            "ETag",
            "Retry-After",
            "X-Request-ID",
        ],
        max_age=600,
    )


async def redis_server(url: str) -> RedisServer | None:
    """Returns the checked Redis of this installation; raises NotServing when it can never be used."""
    try:
        return await find_redis_server(url, settings.REDIS_PREFIX)
    except StartupError as reason:
        raise NotServing(str(reason)) from None


@asynccontextmanager
async def resources_of_requests(
    database_url: str,
    redis_url: str,
    commerce_url: str,
    export_store: ExportStore,
    token_kept_seconds: float,
    tracing: "Tracing | None",
) -> AsyncIterator[State]:
    """Keeps open what requests need. Without a Commerce address it starts the demo Commerce server."""
    async with AsyncExitStack() as resources:
        if tracing:
            await resources.enter_async_context(tracing.open())
        await resources.enter_async_context(connected(database_url))
        await check_migrations()
        await check_people()
        url = commerce_url or await resources.enter_async_context(serve_demo())
        commerce = await resources.enter_async_context(commerce_client(url, tracing))
        redis = await redis_server(redis_url)
        await resources.enter_async_context(
            background_loop("idempotency keys", delete_expired_keys, SWEEP_SECONDS)
        )
        await resources.enter_async_context(sharing_metrics())
        spreadsheets = SpreadsheetReader()
        await resources.enter_async_context(spreadsheets.open())
        exports = await resources.enter_async_context(exporting(redis, export_store))
        limits = await resources.enter_async_context(
            rate_limits(
                redis, token=settings.RATE_LIMIT_TOKEN, address=settings.RATE_LIMIT_ADDRESS
            )
        )
        yield {
            "buyers": Buyers(token_kept_seconds),
            "commerce": commerce,
            "redis": resources.enter_context(closing(RedisCheck(redis))) if redis else None,
            "exports": exports,
            "export_store": export_store,
            "spreadsheets": spreadsheets,
            "rate_limits": limits,
        }


def graphql_view(*, embedded: bool, has_graphiql: bool) -> GraphQLView:
    """Returns the view of /graphql, which shows a token of the demo where the database is the embedded one."""
    return GraphQLView(
        schema._schema,
        maximum_bytes=settings.REQUEST_MAXIMUM_BYTES,
        # A file a little too large is rejected with its size; one far too large is not read to its end.
        maximum_upload_bytes=2 * settings.IMPORT_MAXIMUM_BYTES
        + settings.REQUEST_MAXIMUM_BYTES,
        seconds=settings.OPERATION_SECONDS,
        demo_token=DEMO_TOKENS[0] if embedded else None,
        is_compiled=settings.COMPILED_SELECTIONS,
        has_graphiql=has_graphiql,
    )


def create_application(
    *,
    database_url: str = settings.DATABASE_URL,
    redis_url: str = settings.REDIS_URL,
    commerce_url: str = settings.COMMERCE_URL,
    export_url: str = settings.EXPORT_URL,
    embedded: bool = settings.EMBEDDED,
    token_kept_seconds: float = settings.TOKEN_KEPT_SECONDS,
    has_graphiql: bool = settings.GRAPHIQL and settings.INTROSPECTION,
) -> Starlette:
    """Puts the application together. Without a Commerce address it starts the demo Commerce server."""
    if not settings.INTROSPECTION:
        hide_suggestions()
    view = graphql_view(embedded=embedded, has_graphiql=has_graphiql)
    if tracing := configured_tracing():
        tracing.watch(view)

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[State]:
        logs.take_over()
        check_settings()
        export_store = opened_store(application) or open_export_store(
            export_url, shared=bool(redis_url)
        )
        async with resources_of_requests(
            database_url, redis_url, commerce_url, export_store, token_kept_seconds, tracing
        ) as state:
            # What lives as long as the process need not be looked through by every full garbage collection, which
            # would otherwise keep everybody waiting for a tenth of a second.
            gc.collect()
            gc.freeze()
            yield state

    created = Starlette(
        routes=[
            *(graphiql_routes() if has_graphiql else []),
            Route("/export_file/{name}", export_file),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            *rest_routes(),
        ],
        middleware=middleware(view, tracing, with_timing=embedded),
        exception_handlers={HTTPException: http_error},
        lifespan=lifespan,
    )
    # Starlette would redirect to an address made of the Host header, which the client writes.
    created.router.redirect_slashes = False
    return created
