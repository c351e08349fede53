"""One WebSocket as its operations use it: messages in, messages out, and its end."""

from starlette.types import Message, Receive, Send

from web.http.websocket import GOING_AWAY, SLOW_READER, STOP
from web.live.messages import ClientMessage, Closing, cut_reason, parse_message
from web.live.metrics import SLOW_READERS, Transport


class Disconnected(Exception):
    """Raised when nothing reaches the client any more."""


class MessageChannel:
    """The messages of a WebSocket, which several tasks may send."""

    __slots__ = ("_is_closed", "_receive", "_send")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._is_closed = False

    async def accept(self, subprotocol: str | None) -> None:
        """Opens the connection; raises Disconnected."""
        await self._send_event({"type": "websocket.accept", "subprotocol": subprotocol})

    async def receive(self) -> ClientMessage:
        """Returns the next message; raises Disconnected, and Closing when the server stops."""
        event = await self._receive()
        if event["type"] == "websocket.receive":
            return parse_message(event)
        if event["type"] == STOP:
            raise Closing(GOING_AWAY, "The server stops.")
        if event.get("reason") == SLOW_READER:
            SLOW_READERS.labels(Transport.WEBSOCKET).inc()
        raise Disconnected

    async def send(self, message: bytes) -> None:
        """Sends a message once the client has taken the one before it; raises Disconnected."""
        await self.send_text(message.decode())

    async def send_text(self, text: str) -> None:
        """Does the same with a text: one that is large is not held twice while it waits."""
        await self._send_event({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        """Closes the connection, if it is not closed yet; raises Disconnected."""
        if not self._is_closed:
            event = {"type": "websocket.close", "code": code, "reason": cut_reason(reason)}
            await self._send_event(event)

    async def _send_event(self, event: Message) -> None:
        if self._is_closed:
            raise Disconnected
        self._is_closed = event["type"] == "websocket.close"
        # A server raises one when the client is gone.
        try:
            await self._send(event)
        except OSError:
            raise Disconnected from None
