"""Random bytes and frames, in random pieces: no fault of ours, and nothing left behind."""

import asyncio
import logging
import random
from contextlib import suppress
from typing import Any

import pytest

from tests.support.service import serve
from tests.support.shop import Shop
from tests.support.thoroughness import IS_REPEATED, examples
from tests.support.waiting import eventually
from tests.support.websockets import HANDSHAKE, PING, AsgiServer, frame, listen

OPENING = HANDSHAKE + b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
INIT = b'{"type":"connection_init","payload":{"token":"main"}}'
VALID = (
    b'{"type":"ping"}',
    b'{"id":"%d","type":"subscribe","payload":{"query":"{ viewer { id } }"}}',
    b'{"id":"%d","type":"subscribe","payload":'
    b'{"query":"subscription { activeBasket { id } }"}}',
    b'{"id":"%d","type":"subscribe","payload":{"query":"{ nothing }"}}',
    b'{"id":"0","type":"complete"}',
    b'{"id":"1","type":"complete"}',
)
INVALID = (
    INIT,
    b'{"id":"\\ud800","type":"subscribe","payload":{"query":"{ a }"}}',
    b'{"id":"3","type":"subscribe","payload":{"query":"{ a }","variables":{"a":1e999}}}',
    b"null",
    b"",
)


def write_valid(chance: random.Random, number: int) -> bytes:
    """Returns a message of the protocol, in fragments with a ping between them."""
    text = chance.choice(VALID)
    text = text % number if b"%d" in text else text
    middle = chance.randrange(len(text) + 1) if chance.random() < 0.3 else len(text)
    if middle == len(text):
        return frame(text)
    fragments = frame(text[:middle], is_final=False), frame(text[middle:], 0)
    return frame(b"between", PING).join(fragments)


def write_invalid(chance: random.Random) -> bytes:
    """Returns a frame that most likely ends the connection."""
    payload = chance.choice(INVALID) if chance.random() < 0.5 else chance.randbytes(20)
    opcode = chance.choice((1, 1, 0, 2, 3, 8, 9, 10))
    data = frame(payload, opcode, is_final=chance.random() < 0.9)
    return data[: chance.randrange(len(data) + 1)] + chance.randbytes(chance.randrange(4))


def write_frames(chance: random.Random) -> bytes:
    """Returns the frames of a connection, of which none, some or most are invalid."""
    wildness = chance.choice((0.0, 0.05, 0.5))
    return b"".join(
        write_invalid(chance) if chance.random() < wildness else write_valid(chance, number)
        for number in range(chance.randrange(20))
    )


async def converse(server: AsgiServer, chance: random.Random) -> None:
    """Sends frames in pieces, and reads until the server closes or says nothing more."""
    init = frame(INIT) if chance.random() < 0.8 else b""
    data = OPENING + init + write_frames(chance)
    client = await server.connect()
    while data and not client.writer.transport.is_closing():
        size = chance.randrange(1, len(data) + 1)
        client.writer.write(data[:size])
        data = data[size:]
        await asyncio.sleep(0)
    if init and chance.random() < 0.7:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await client.head()
            # The acknowledgement, and the results so far.
            await client.reader.read(65_536)
    if chance.random() < 0.5:
        client.writer.transport.abort()
    elif chance.random() < 0.5:
        # The server may have closed already.
        with suppress(OSError):
            client.writer.write_eof()


@pytest.mark.long
async def test_random_frames_cause_no_fault(
    sqlite_url: str, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    limits: dict[str, Any] = {
        "rate_limit_token": "0",
        "rate_limit_address": "0",
        "live_send_seconds": 1.0,
    }
    seed = 0 if IS_REPEATED else random.randrange(2**32)
    async with serve(sqlite_url, shop, **limits) as service, listen(service) as server:
        for number in range(examples(300)):
            await converse(server, random.Random(seed + number))
        await server.close_clients()
        await eventually(lambda: not server.protocols(), f"The end, of seed {seed}")
        state = service.application.state
        assert (state["live_connections"].count, state["hub"].topics) == (0, {}), seed
    faults = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert faults == [], seed
