"""Traces by OpenTelemetry: a span per request, per operation, and per request to Commerce.

Imported only when a collector is configured, so that other servers need not have the extra. The SDK
reads its own standard variables: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and so on. Spans hold no
text of a client: no body, no variable, no name of its choice, no message of an error.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, ParamSpec, TypeVar

import aiohttp
from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from request_record import RequestRecord, current_record
from web.monitoring.recorder import find_route

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

UNTRACED = ("/healthz", "/readyz", "/metrics")
"""Paths that monitors request all the time."""
_PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """A tracer whose spans a thread of its own sends to the collector."""

    def __init__(self) -> None:
        resource = Resource({"service.name": "basket"}).merge(
            OTELResourceDetector().detect()
        )
        # `open` shuts it down, so the SDK must not do so again at exit.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.tracer = self._provider.get_tracer("basket")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Sends the last spans when the server stops."""
        try:
            yield
        finally:
            # The last spans wait for the collector, and the event loop must not.
            await asyncio.to_thread(self._provider.shutdown)

    def middleware(self) -> Middleware:
        """Returns the middleware that makes a span per request."""
        return Middleware(TracedRequests, tracer=self.tracer)

    def trace_execution(
        self, execute: Callable[Parameters, Awaitable[Result]]
    ) -> Callable[Parameters, Awaitable[Result]]:
        """Wraps the execution of operations in spans, named by the schema's words."""

        async def traced(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            # An exception's message may hold texts of the client, so only its class is recorded.
            with self.tracer.start_as_current_span(
                "operation", record_exception=False, set_status_on_exception=False
            ) as span:
                try:
                    return await execute(*args, **kwargs)
                except BaseException as error:
                    span.set_attribute("error.type", type(error).__name__)
                    raise
                finally:
                    _describe_operation(span, current_record())

        return traced

    def commerce(self) -> aiohttp.TraceConfig:
        """Returns aiohttp's hooks that trace requests to Commerce and send them the context."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._begin)
        config.on_request_end.append(self._end)
        config.on_request_exception.append(self._fail)
        return config

    async def _begin(
        self,
        session: Any,
        context: SimpleNamespace,
        request: aiohttp.TraceRequestStartParams,
    ) -> None:
        # The path has SKUs and ids of products; the span names the host alone.
        attributes = {
            "http.request.method": request.method,
            "server.address": request.url.host or "",
        }
        context.span = self.tracer.start_span(
            f"Commerce {request.method}", kind=SpanKind.CLIENT, attributes=attributes
        )
        _PROPAGATOR.inject(request.headers, trace.set_span_in_context(context.span))

    async def _end(
        self,
        session: Any,
        context: SimpleNamespace,
        response: aiohttp.TraceRequestEndParams,
    ) -> None:
        _set_status(context.span, response.response.status)
        context.span.end()

    async def _fail(
        self,
        session: Any,
        context: SimpleNamespace,
        failure: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        context.span.set_attribute("error.type", type(failure.exception).__name__)
        context.span.set_status(StatusCode.ERROR)
        context.span.end()


class TracedRequests:
    """ASGI middleware: a span per request, in the trace of its `traceparent`."""

    def __init__(self, application: ASGIApp, *, tracer: Tracer) -> None:
        self.application = application
        self.tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; of a WebSocket, which may last for days, operations have spans."""
        if scope["type"] == "websocket":
            token = attach(_PROPAGATOR.extract(Headers(scope=scope)))
            try:
                await self.application(scope, receive, send)
            finally:
                detach(token)
        elif scope["type"] == "http" and scope["path"] not in UNTRACED:
            await self._trace(scope, receive, send)
        else:
            await self.application(scope, receive, send)

    async def _trace(self, scope: Scope, receive: Receive, send: Send) -> None:
        parent = _PROPAGATOR.extract(Headers(scope=scope))
        span = self.tracer.start_span(
            scope["method"],
            parent,
            SpanKind.SERVER,
            {"http.request.method": scope["method"]},
        )
        token = attach(trace.set_span_in_context(span, parent))
        try:
            await self.application(scope, receive, send)
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            detach(token)
            _describe(span, scope)
            span.end()


def _describe(span: Span, scope: Scope) -> None:
    record, route = current_record(), find_route(scope)
    span.update_name(f"{scope['method']} {route}")
    span.set_attributes({"http.route": route, "basket.request_id": record.request_id})
    if record.status:
        _set_status(span, record.status)


def _describe_operation(span: Span, record: RequestRecord) -> None:
    kind, _, field = record.operation.partition(" ")
    span.update_name(record.operation or "operation")
    span.set_attributes(
        {
            "graphql.operation.type": kind,
            "graphql.root_field": field,
            "basket.outcome": record.outcome,
            "basket.request_id": record.request_id,
        }
    )
    if record.outcome in ("", "failed"):
        span.set_status(StatusCode.ERROR)


def _set_status(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
