"""The record of a WebSocket: its request id, its line in the log, and exceptions as answers."""

import logging

import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from request_record import current_record
from tests.support.websockets import serve_websockets
from web.monitoring.recorder import RequestRecorder

UNAVAILABLE = ConnectionRefusedError("The database is away.")


def recorded(error: Exception | None, *, is_accepted: bool) -> RequestRecorder:
    """Returns an application that raises, before or after it accepts, or closes."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if is_accepted:
            await send({"type": "websocket.accept"})
        if error is not None:
            raise error
        await send({"type": "websocket.close", "code": 4400, "reason": ""})

    return RequestRecorder(application, has_timing=False, has_access_log=True)


@pytest.mark.parametrize(
    ("error", "code"), [(ValueError("secret"), 1011), (UNAVAILABLE, 1013)]
)
async def test_an_exception_on_an_open_connection_closes_it(
    error: Exception, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve_websockets(recorded(error, is_accepted=True)) as server:
        async with connect(server.url) as client:
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code
    faults = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert [fault.name for fault in faults] == ["basket"]


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("secret"), 500), (UNAVAILABLE, 503)]
)
async def test_an_exception_before_it_is_a_response(error: Exception, status: int) -> None:
    async with serve_websockets(recorded(error, is_accepted=False)) as server:
        headers = {"X-Request-ID": "mine"}
        with pytest.raises(InvalidStatus) as rejected:
            async with connect(server.url, additional_headers=headers):
                pass
        response = rejected.value.response
        assert response.status_code == status
        assert response.headers["X-Request-ID"] == "mine"
        assert b'"requestId":"mine"' in (response.body or b"")
        assert b"secret" not in (response.body or b"")


async def test_the_log_has_a_line_with_the_code(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "basket.access")
    async with serve_websockets(recorded(None, is_accepted=True)) as server:
        async with connect(server.url) as client:
            assert client.response is not None
            assert client.response.headers["X-Request-ID"]
            await client.wait_closed()
    (record,) = caplog.records
    fields = record.fields  # type: ignore[attr-defined]
    assert fields["milliseconds"] >= 0
    assert {name: fields[name] for name in fields if name != "milliseconds"} == {
        "method": "WEBSOCKET",
        "route": "/graphql",
        "operation": "",
        "outcome": "closed_4400",
        "status": 101,
    }
    assert current_record().request_id == ""
