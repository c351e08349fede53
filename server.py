"""The composition root: settings, resources, schema, routes. `python server.py --help` says what it does."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TypedDict

from graphql import GraphQLError
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from strawberry import Schema
from strawberry.types import ExecutionContext

import settings
from commerce.client import CommerceClient
from commerce.demo import serve_demo
from models.database import DATABASE_FAILURES, connect, disconnect
from models.demo import DEMO_TOKENS
from models.idempotency import forget_old_keys
from resolvers.mutation import Mutation
from resolvers.query import Query
from schema.scalars import CONFIGURATION
from web import command_line
from web.document import CachedDocument
from web.graphiql import graphiql_files
from web.graphql import GraphQLView
from web.health import healthz, readyz
from web.serving import serve

logger = logging.getLogger("basket")

SWEEP_SECONDS = 600.0
"""How often what is no longer needed is deleted."""


class QuietSchema(Schema):
    """A schema that leaves the reporting of errors to the view, which knows which of them are expected."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Reports nothing."""


schema = QuietSchema(
    query=Query,
    mutation=Mutation,
    config=CONFIGURATION,
    extensions=[CachedDocument],
)


class State(TypedDict):
    """What requests find in `request.state`."""

    commerce: CommerceClient
    redis: Redis | None


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
    embedded: bool = settings.EMBEDDED,
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
            yield {"commerce": commerce, "redis": redis}

    view = GraphQLView(
        schema,
        maximum_bytes=settings.REQUEST_MAXIMUM_BYTES,
        # A file a little too large is refused with its size; one far too large is not read to its end.
        maximum_upload_bytes=2 * settings.IMPORT_MAXIMUM_BYTES + settings.REQUEST_MAXIMUM_BYTES,
        demo_token=DEMO_TOKENS[0] if embedded else None,
    )
    return Starlette(
        routes=[
            Route("/graphql", view.answer, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
            Mount("/graphiql", graphiql_files()),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ],
        lifespan=lifespan,
    )


application = create_application()

if __name__ == "__main__":
    sys.exit(command_line.main(serve=lambda: serve(application), schema=schema.as_str))
