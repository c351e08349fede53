"""Traces, as a collector receives them: OTLP over HTTP, from a real server process."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from settings.options import OPTIONS
from tests.support.forks import Start, start_process
from tests.support.ports import free_port
from tests.support.process import SECRET_KEY, write_people_to
from tests.support.transport_ws import open_peer
from tests.support.waiting import TIMEOUT_SECONDS

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """A collector on loopback that keeps what it receives."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.bodies = b""

    async def receive(self, request: web.Request) -> web.Response:
        """Takes spans."""
        body = await request.read()
        self.bodies += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {
                each.value.string_value
                for each in resource.resource.attributes
                if "name" in each.key
            }
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response()


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    """Serves a collector and yields it with its address."""
    kept = Collector()
    application = web.Application()
    application.router.add_post("/v1/traces", kept.receive)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield kept, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def value(span: Span, name: str) -> str | int:
    """Returns an attribute of a span."""
    (found,) = [each.value for each in span.attributes if each.key == name]
    return str(found.string_value) or int(found.int_value)


async def asked(address: str) -> None:
    """Asks a starting server for a product, within a trace of ours, as soon as it answers."""
    headers = {
        "Authorization": "Token main",
        "traceparent": f"00-{TRACE}-{PARENT}-01",
        "X-Request-ID": "mine",
    }
    query = "query Secret { product(remoteId: 3) { sku } }"
    async with (
        httpx.AsyncClient(base_url=address, timeout=TIMEOUT_SECONDS) as client,
        asyncio.timeout(TIMEOUT_SECONDS),
    ):
        while True:
            try:
                assert (await client.get("/healthz")).status_code == 200
                break
            except httpx.TransportError:
                await asyncio.sleep(0.05)
        assert (
            await client.post("/graphql", json={"query": query}, headers=headers)
        ).json() == {"data": {"product": {"sku": "SKU03"}}}


@asynccontextmanager
async def traced_server(url: str, endpoint: str, output: Path) -> AsyncIterator[str]:
    """Runs a server process with a collector, and ends it as an operator would."""
    port = free_port()
    ours = {
        "DATABASE_URL": url,
        "COMMERCE_URL": "",
        "SECRET_KEY": SECRET_KEY,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }
    command = (sys.executable, "-m", "uvicorn", "server:application", "--port", str(port))
    with output.open("wb") as file:
        start = Start(command, os.environ | ours, file, errors=file)
        process = await asyncio.to_thread(start_process, start)
    try:
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, TIMEOUT_SECONDS)
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


async def test_a_request_its_operation_and_its_call_of_commerce_are_one_trace(
    sqlite_url: str, tmp_path: Path
) -> None:
    await write_people_to(sqlite_url)
    output = tmp_path / "output.txt"
    async with collector() as (kept, endpoint):
        async with traced_server(sqlite_url, endpoint, output) as address:
            await asked(address)
    assert "Traceback" not in output.read_text()
    names = {span.name: span for span in kept.spans}
    assert sorted(names) == ["Commerce GET", "POST /graphql", "query product"]
    assert {span.trace_id.hex() for span in kept.spans} == {TRACE}
    request, operation, call = (
        names["POST /graphql"],
        names["query product"],
        names["Commerce GET"],
    )
    assert request.parent_span_id.hex() == PARENT
    assert operation.parent_span_id == request.span_id
    assert call.parent_span_id == operation.span_id
    assert (request.kind, call.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT)
    assert (
        value(request, "http.response.status_code"),
        value(request, "basket.request_id"),
    ) == (200, "mine")
    assert (
        value(operation, "graphql.operation.type"),
        value(operation, "basket.outcome"),
    ) == ("query", "ok")
    assert (value(call, "http.response.status_code"), value(call, "server.address")) == (
        200,
        "127.0.0.1",
    )
    assert kept.services >= {"basket"}
    assert b"Secret" not in kept.bodies


async def test_each_operation_of_a_websocket_has_a_span_in_the_trace_of_its_handshake(
    sqlite_url: str, tmp_path: Path
) -> None:
    await write_people_to(sqlite_url)
    output = tmp_path / "output.txt"
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "mine"}
    async with collector() as (kept, endpoint):
        async with traced_server(sqlite_url, endpoint, output) as address:
            await asked(address)
            url = address.replace("http://", "ws://") + "/graphql"
            async with open_peer(url, additional_headers=headers) as peer:
                await peer.initialise()
                await peer.subscribe("1", "subscription Secret { activeBasket { id } }")
                await peer.next("1")
                await peer.subscribe("2", "query Secret { product(remoteId: 2) { sku } }")
                await peer.next("2")
                assert (await peer.receive())["type"] == "complete"
                await peer.subscribe("3", "{ secret }")
                assert (await peer.receive())["type"] == "error"
    assert "Traceback" not in output.read_text()
    spans = {span.name: span for span in kept.spans if span.trace_id.hex() == TRACE}
    operations = ("subscription activeBasket", "query product", "operation")
    assert set(operations) < set(spans)
    for name in operations:
        assert spans[name].parent_span_id.hex() == PARENT
        assert value(spans[name], "basket.request_id") == "mine"
    ok, error = Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR
    assert [spans[name].status.code for name in operations] == [ok, ok, error]
    assert b"ecret" not in kept.bodies


async def test_a_response_from_memory_is_no_error(sqlite_url: str, tmp_path: Path) -> None:
    await write_people_to(sqlite_url)
    query = {"query": "{ activeBasket { id } }"}
    async with collector() as (kept, endpoint):
        async with traced_server(sqlite_url, endpoint, tmp_path / "output.txt") as address:
            await asked(address)
            headers = {"Authorization": "Token main"}
            async with httpx.AsyncClient(
                base_url=address, headers=headers, timeout=TIMEOUT_SECONDS
            ) as client:
                first = await client.get("/graphql", params=query)
                tag = {"If-None-Match": first.headers["etag"]}
                again = await client.get("/graphql", params=query, headers=tag)
                posted = [await client.post("/graphql", json=query) for _ in range(2)]
    statuses = [response.status_code for response in (first, again, *posted)]
    assert statuses == [200, 304, 200, 200]
    spans = [span for span in kept.spans if span.name == "query activeBasket"]
    assert [span.status.code for span in spans] == [Status.STATUS_CODE_UNSET] * 4
    assert [value(span, "basket.outcome") for span in spans] == ["ok"] * 4


def test_without_a_collector_nothing_is_traced() -> None:
    assert not OPTIONS.has_collector
