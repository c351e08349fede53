"""Traces by OpenTelemetry: a span a request, one for the operation in it, and one for each request to Commerce.

Imported only when a collector is configured, so that servers without one, or without the extra, pay nothing. The SDK
reads its own standard variables: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS and so on. Spans
hold no text of a client's: no body, no variable, no name that it chose, no message of an error.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from web.graphql.view import GraphQLView
from web.monitoring.request_record import Observed, door_of, observed

UNTRACED = ("/healthz", "/readyz", "/metrics")
"""What machines ask all the time."""
_PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """The tracer, and what sends its spans to the collector in a thread of its own."""

    def __init__(self) -> None:
        resource = Resource({"service.name": "basket"}).merge(
            OTELResourceDetector().detect()
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.tracer = self._provider.get_tracer("basket")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Sends the last spans when the server stops."""
        try:
            yield
        finally:
            await asyncio.to_thread(self._provider.shutdown)

    def middleware(self) -> Middleware:
        """Returns what makes the span of each request."""
        return Middleware(TracedRequests, tracer=self.tracer)

    def watch(self, view: GraphQLView) -> None:
        """Puts a span round each operation that a view executes, named by the schema's words."""
        execute: Callable[..., Awaitable[Any]] = view._execute

        async def traced(*given: Any) -> Any:
            with self.tracer.start_as_current_span(
                "operation", record_exception=False
            ) as span:
                try:
                    return await execute(*given)
                finally:
                    _describe_operation(span, observed())

        # An attribute of the view itself, so that without a collector nothing stands in the way of its method.
        setattr(view, "_execute", traced)  # noqa: B010

    def commerce(self) -> aiohttp.TraceConfig:
        """Returns what makes aiohttp trace its requests to Commerce, and send them the trace's context."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._begin)
        config.on_request_end.append(self._end)
        config.on_request_exception.append(self._fail)
        return config

    async def _begin(
        self, session: Any, kept: SimpleNamespace, asked: aiohttp.TraceRequestStartParams
    ) -> None:
        attributes = {
            "http.request.method": asked.method,
            "server.address": asked.url.host or "",
        }
        kept.span = self.tracer.start_span(
            f"Commerce {asked.method}", kind=SpanKind.CLIENT, attributes=attributes
        )
        _PROPAGATOR.inject(asked.headers, trace.set_span_in_context(kept.span))

    async def _end(
        self, session: Any, kept: SimpleNamespace, answered: aiohttp.TraceRequestEndParams
    ) -> None:
        _conclude(kept.span, answered.response.status)
        kept.span.end()

    async def _fail(
        self,
        session: Any,
        kept: SimpleNamespace,
        failed: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        kept.span.set_attribute("error.type", type(failed.exception).__name__)
        kept.span.set_status(StatusCode.ERROR)
        kept.span.end()


class TracedRequests:
    """ASGI middleware, inside of the observation: a span a request, in the trace that `traceparent` names."""

    def __init__(self, application: ASGIApp, *, tracer: Tracer) -> None:
        self.application = application
        self.tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http" or scope["path"] in UNTRACED:
            await self.application(scope, receive, send)
            return
        parent = _PROPAGATOR.extract(Headers(scope=scope))
        span = self.tracer.start_span(
            scope["method"],
            parent,
            SpanKind.SERVER,
            {"http.request.method": scope["method"]},
        )
        token = context.attach(trace.set_span_in_context(span, parent))
        try:
            await self.application(scope, receive, send)
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            context.detach(token)
            _describe(span, scope)
            span.end()


def _describe(span: Span, scope: Scope) -> None:
    seen, door = observed(), door_of(scope)
    span.update_name(f"{scope['method']} {door}")
    span.set_attributes({"http.route": door, "basket.request_id": seen.request_id})
    if seen.status:
        _conclude(span, seen.status)


def _describe_operation(span: Span, seen: Observed) -> None:
    kind, _, field = seen.operation.partition(" ")
    span.update_name(seen.operation or "operation")
    span.set_attributes(
        {
            "graphql.operation.type": kind,
            "graphql.root_field": field,
            "basket.outcome": seen.outcome,
        }
    )
    if seen.outcome in ("", "failed"):
        span.set_status(StatusCode.ERROR)


def _conclude(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
