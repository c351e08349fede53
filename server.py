"""The composition root: settings, resources, schema, routes. `python server.py --help` says what it does."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from types import FrameType
from typing import TypedDict

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from strawberry import Schema

import settings
from commerce.client import CommerceClient
from commerce.demo import serve_demo
from models.database import DATABASE_FAILURES, connect, disconnect
from models.demo import DEMO_TOKENS
from models.idempotency import forget_old_keys
from models.user import Buyers
from resolvers.mutation import Mutation
from resolvers.query import Query
from schema.scalars import CONFIGURATION
from tasks.attempts import Attempts
from tasks.broker import create_broker
from tasks.embedded_worker import embedded_worker
from tasks.export import declare_export
from tasks.export_folder import ExportFolder
from tasks.export_sending import ExportSender, sending
from tasks.export_sweeper import ExportSweeper, sweeping_exports
from web import command_line
from web.direct_route import DirectRoute
from web.export_file import export_file
from web.graphiql import graphiql_files
from web.graphql import GraphQLView
from web.health import healthz, readyz
from web.rest.door import rest_routes
from web.serving import serve

logger = logging.getLogger("basket")

SWEEP_SECONDS = 600.0
"""How often what is no longer needed is deleted."""
SEND_PATIENCE_SECONDS = 2.0
"""How long Redis may take to accept a message before it is left to the sweeper."""


schema = Schema(query=Query, mutation=Mutation, config=CONFIGURATION)


class State(TypedDict):
    """What requests find in `request.state`."""

    buyers: Buyers
    commerce: CommerceClient
    redis: Redis | None
    exports: ExportSender
    export_folder: ExportFolder


async def sweep() -> None:
    """Deletes old idempotency keys, now and then, until it is cancelled."""
    while True:
        try:
            await forget_old_keys()
        except (OSError, *DATABASE_FAILURES):
            logger.warning("Old idempotency keys could not be deleted; trying again later.", exc_info=True)
        await asyncio.sleep(SWEEP_SECONDS)


@asynccontextmanager
async def sweeping() -> AsyncIterator[None]:
    """Sweeps in the background."""
    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[None]:
    """Keeps the database open."""
    await connect(database_url, settings.DATABASE_POOL_SIZE)
    try:
        yield
    finally:
        await disconnect()


@asynccontextmanager
async def exporting(redis_url: str, folder: ExportFolder) -> AsyncIterator[ExportSender]:
    """Sends and sweeps the jobs of exports and, where no Redis is configured, works on them in this process."""
    kept = timedelta(seconds=settings.EXPORT_KEPT_SECONDS)
    attempts = Attempts()
    broker = create_broker(redis_url, patience=SEND_PATIENCE_SECONDS, middleware=[attempts])
    async with AsyncExitStack() as resources:
        sender = await resources.enter_async_context(sending(declare_export(broker, attempts, folder, kept)))
        if not redis_url:
            await resources.enter_async_context(embedded_worker(broker))
        await resources.enter_async_context(sweeping_exports(ExportSweeper(sender, folder, kept)))
        yield sender


def commerce_client(url: str) -> CommerceClient:
    """Returns the one client of Commerce."""
    return CommerceClient(
        url,
        token=str(settings.COMMERCE_TOKEN),
        timeout=settings.COMMERCE_TIMEOUT_SECONDS,
        retries=settings.COMMERCE_RETRIES,
        concurrency=settings.COMMERCE_CONCURRENCY,
    )


def create_application(
    *,
    database_url: str = settings.DATABASE_URL,
    redis_url: str = settings.REDIS_URL,
    commerce_url: str = settings.COMMERCE_URL,
    export_url: str = settings.EXPORT_URL,
    embedded: bool = settings.EMBEDDED,
    token_kept_seconds: float = settings.TOKEN_KEPT_SECONDS,
) -> Starlette:
    """Puts the application together. Without a Commerce address it starts the demo Commerce server."""

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[State]:
        async with AsyncExitStack() as resources:
            await resources.enter_async_context(connected(database_url))
            url = commerce_url or await resources.enter_async_context(serve_demo())
            commerce = await resources.enter_async_context(commerce_client(url))
            redis = await resources.enter_async_context(Redis.from_url(redis_url)) if redis_url else None
            await resources.enter_async_context(sweeping())
            exports = await resources.enter_async_context(exporting(redis_url, export_folder))
            # What lives as long as the process need not be looked through by every full garbage collection, which
            # would otherwise keep everybody waiting for a tenth of a second.
            gc.collect()
            gc.freeze()
            yield {
                "buyers": Buyers(token_kept_seconds),
                "commerce": commerce,
                "redis": redis,
                "exports": exports,
                "export_folder": export_folder,
            }

    export_folder = ExportFolder(export_url)
    view = GraphQLView(
        schema._schema,
        maximum_bytes=settings.REQUEST_MAXIMUM_BYTES,
        # A file a little too large is refused with its size; one far too large is not read to its end.
        maximum_upload_bytes=2 * settings.IMPORT_MAXIMUM_BYTES + settings.REQUEST_MAXIMUM_BYTES,
        demo_token=DEMO_TOKENS[0] if embedded else None,
        is_compiled=settings.COMPILED_SELECTIONS,
    )
    return Starlette(
        routes=[
            Mount("/graphiql", graphiql_files()),
            Route("/export_file/{name}", export_file),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            *rest_routes(),
        ],
        middleware=[Middleware(DirectRoute, path="/graphql", target=view)],
        lifespan=lifespan,
    )


application = create_application()


def stop(number: int, frame: FrameType | None) -> None:
    """Ends the process with status 0, as one that was told to stop and did."""
    sys.exit(0)


def serve_until_stopped() -> int:
    """Serves. Once uvicorn has shut down it raises the signal again, which without `stop` would be a death by it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return serve(application)


if __name__ == "__main__":
    sys.exit(command_line.main(serve=serve_until_stopped, schema=schema.as_str))
