"""The messages of `graphql-transport-ws`: reading those of a client, and writing ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from web.graphql.request import GraphQLRequest, parse_request
from web.http.bad_request import BadRequest
from web.http.json_request import parse_json

LONGEST_ID = 256
"""The number of characters of an operation's id; each connection stores many."""
LONGEST_REASON = 123
"""The bytes that the reason of a close frame may have."""


class MessageType(StrEnum):
    """The types that a client may send."""

    INIT = "connection_init"
    PING = "ping"
    PONG = "pong"
    SUBSCRIBE = "subscribe"
    COMPLETE = "complete"


_IDENTIFIED = (MessageType.SUBSCRIBE, MessageType.COMPLETE)


class Closing(Exception):
    """Raised to close a connection, with the code and the reason of its close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = cut_reason(reason)


def cut_reason(text: str) -> str:
    """Returns as much of a text as a close frame can hold."""
    return text.encode()[:LONGEST_REASON].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """A message of a client; `id` is empty where its type has none."""

    type: MessageType
    id: str
    payload: dict[str, Any] | None
    bytes: int = 0
    """The length of its JSON."""


def parse_message(message: Mapping[str, Any]) -> ClientMessage:
    """Returns the message in an ASGI event; raises Closing (4400) unless the protocol has it."""
    text: str | None = message.get("text")
    if text is None:
        raise Closing(4400, "The message is binary; send text.")
    data = text.encode()
    try:
        content = parse_json(data, "The message")
    except BadRequest as rejection:
        raise Closing(4400, rejection.message) from None
    if not isinstance(content, dict):
        raise Closing(4400, "The message is not a JSON object.")
    kind = _read_type(content.get("type"))
    identifier = _read_id(content.get("id")) if kind in _IDENTIFIED else ""
    payload = content.get("payload")
    if kind is not MessageType.COMPLETE:
        _check_payload(kind, payload)
    return ClientMessage(kind, identifier, payload, len(data))


def _read_type(value: Any) -> MessageType:
    if not isinstance(value, str):
        raise Closing(4400, "The message has no `type` text.")
    try:
        return MessageType(value)
    except ValueError:
        reason = f"A client cannot send messages of type {value[:40]!r}."
        raise Closing(4400, reason) from None


def _read_id(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise Closing(4400, "The message has no `id` text.")
    if len(value) > LONGEST_ID:
        raise Closing(4400, f"The `id` is longer than {LONGEST_ID} characters.")
    return value


def _check_payload(kind: MessageType, payload: Any) -> None:
    is_absent = payload is None and kind is not MessageType.SUBSCRIBE
    if not is_absent and not isinstance(payload, dict):
        raise Closing(4400, f"The `payload` of {kind} is not an object.")


def request_from_message(message: ClientMessage) -> GraphQLRequest:
    """Returns the request to execute; raises Closing (4400)."""
    try:
        request = parse_request(message.payload)
    except BadRequest as rejection:
        raise Closing(4400, rejection.message) from None
    request.bytes = message.bytes
    return request


def write_message(kind: str, identifier: str = "", payload: object = None) -> bytes:
    """Returns a message of ours, without an empty id or payload."""
    message: dict[str, object] = {"id": identifier} if identifier else {}
    message["type"] = kind
    if payload is not None:
        message["payload"] = payload
    return orjson.dumps(message)
