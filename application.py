"""The composition root: it makes an application of its options."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route
from strawberry import Schema

import logs
from resolvers.mutation import Mutation
from resolvers.query import Query
from resolvers.subscription import Subscription
from resources import Parts, State, open_resources
from schema.execution.strawberry_internals import graphql_schema
from schema.scalars import CONFIGURATION
from settings.options import OPTIONS, LogOptions, Options
from tasks.exports.address import ExportAddresses
from tasks.exports.metrics import DeadLetters
from tasks.exports.store import ExportStore
from web.exports.download import ExportDownload
from web.graphql.document import Documents
from web.graphql.executor import GraphQLExecutor, Instrument, uninstrumented
from web.graphql.graphiql import GraphiqlPage
from web.graphql.request import RequestRules
from web.graphql.view import GraphQLView
from web.http.address_limit import AddressLimit
from web.http.compression import Compression
from web.http.cross_origin import cross_origin_sharing
from web.http.direct_route import DirectRoute
from web.http.errors import http_error
from web.http.layers import LayeredApplication
from web.http.path_prefix import PathPrefix
from web.lifecycle.checks import check_settings
from web.lifecycle.memory import freeze_objects
from web.live.http import HttpStreams
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
executed_schema = graphql_schema(schema)


def create_application(
    options: Options | None = None,
    export_store: ExportStore | None = None,
    documents: Documents | None = None,
) -> Starlette:
    """Returns the application; without an address of Commerce it serves a demo Commerce.

    Without options it has those of the settings. Applications of one process may share their
    documents, each of which is then compiled once.
    """
    options = options or OPTIONS
    tracing = load_tracing() if options.has_collector else None
    dead_letters = DeadLetters()
    metrics = Metrics(
        token=str(options.metrics_token),
        is_embedded=options.is_embedded,
        folder=options.metrics_folder,
        dead_letters=dead_letters,
    )
    page = GraphiqlPage.from_options(options)
    executor = create_executor(
        options, tracing.trace_execution if tracing else uninstrumented, documents
    )
    view = create_view(options, executor, page)
    websocket = LiveWebSocket(executor, [*options.cors_origins, options.public_origin])

    parts = Parts(
        options=options,
        schema=schema,
        executor=executor,
        export_store=export_store,
        dead_letters=dead_letters,
        tracing=tracing,
    )

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[State]:
        logs.take_over(LogOptions())
        check_settings()
        async with open_resources(parts) as state, metrics.open():
            freeze_objects()
            yield state

    application = LayeredApplication(
        routes=create_routes(options, page, metrics),
        middleware=middleware(options, view, websocket, tracing),
        exception_handlers={HTTPException: http_error},
        lifespan=lifespan,
    )
    # Starlette would redirect to an address made of the Host header, which the client writes.
    application.router.redirect_slashes = False
    return application


def create_routes(
    options: Options, page: GraphiqlPage | None, metrics: Metrics
) -> list[BaseRoute]:
    """Returns the routes; /graphql has none, as the middleware finds it."""
    download = ExportDownload(ExportAddresses.from_options(options))
    return [
        *(page.routes() if page else []),
        Route("/export_file/{name}", download.respond),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics.respond),
        *rest_routes(options),
    ]


def create_executor(
    options: Options,
    instrument: Instrument = uninstrumented,
    documents: Documents | None = None,
) -> GraphQLExecutor:
    """Returns the executor of all transports."""
    return GraphQLExecutor.from_options(executed_schema, options, instrument, documents)


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
