"""Responses that the states of baskets decide: 304 by their tags, and 200 from memory.

Each request reads the states itself, in one small statement. Where they are those of a response in
memory, or of the tag that the client sent, nothing else is read. A request for which neither can be
true reads the baskets at once, and their states with them.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import blake2b
from typing import NamedTuple, Self

from starlette.types import Receive, Scope, Send
from strawberry import Schema

from models.basket.check import BasketChecks, State, Subject, encode_states
from models.live.hub import Hub
from settings.options import Options
from web.http.content_coding import VARY, Coding, choose_coding
from web.http.cycle import send_whole
from web.http.entity_tag import is_match, make_tag
from web.http.private import CACHE_CONTROL, VARY_OF_USER, Header
from web.http.response_cache import USES, CachedResponse, ResponseCache, ResponseKey

BODY_FORMAT = 1
"""To be raised when a response to the same request at the same states has other bytes."""

_USED, _OUTDATED, _NOT_MODIFIED = (
    USES.labels(result) for result in ("used", "outdated", "not_modified")
)


class Question(NamedTuple):
    """A request that the states of baskets decide.

    Only a GET or HEAD has tags: `is_get`, and `if_none_match` with the tags of the client.
    """

    key: ResponseKey
    content_type: Header
    is_get: bool
    if_none_match: bytes


@cache
def _print(schema: Schema) -> bytes:
    # Once, as it takes longer than all else of the start of an application.
    return schema.as_str().encode()


class VersionedResponses:
    """Finds and makes the responses of one application.

    `release` tells the responses of one release of the server from those of another.
    """

    @classmethod
    def from_options(
        cls, options: Options, schema: Schema, hub: Hub, checks: BasketChecks
    ) -> Self:
        """Returns the responses of an application with this schema; the hub tells of changes."""
        cache = ResponseCache(options.response_cache_bytes)
        hub.listeners.append(cache.forget)
        return cls(
            cache,
            checks,
            b"%d %s" % (BODY_FORMAT, _print(schema)),
            is_compressed=options.has_compression,
        )

    def __init__(
        self,
        cache: ResponseCache,
        checks: BasketChecks,
        release: bytes,
        *,
        is_compressed: bool,
    ) -> None:
        self.cache = cache
        self.is_compressed = is_compressed
        self._release = blake2b(release, digest_size=16).digest()
        self._checks = checks

    async def find(
        self, question: Question, find_subjects: Callable[[], Sequence[Subject]]
    ) -> "VersionedResponse | None":
        """Returns the response of which no basket has to be read; None without one."""
        cached = self.cache.find(question.key)
        has_body = cached is not None and cached.body is not None
        if not has_body and not question.if_none_match:
            return None
        subjects = cached.subjects if cached is not None else find_subjects()
        if not subjects:
            return None
        # Read after the request has come: nothing older than it is ever sent.
        states = await self._check(question.key.user_id, subjects)
        if cached is not None and cached.body is not None:
            if states == cached.states:
                return self._respond(question, cached)
            _OUTDATED.inc()
            # Another process writes: it is checked again when two reads have found one state.
            self.cache.keep(question.key, CachedResponse(subjects, b"", None))
        if question.if_none_match:
            unread = CachedResponse(subjects, states, None)
            if self._is_unchanged(question, unread):
                return self._respond(question, unread)
        return None

    def make(
        self,
        question: Question,
        subjects: Sequence[Subject],
        states: Sequence[State],
        body: bytes,
    ) -> "VersionedResponse":
        """Returns the response with a body that was read at these states, and caches it."""
        response = CachedResponse(subjects, encode_states(states), body)
        cached = self.cache.find(question.key)
        is_moving = (
            cached is not None and cached.body is None and cached.states != response.states
        )
        # Of a basket that moves on between all reads only the state is worth its bytes.
        noted = CachedResponse(subjects, response.states, None) if is_moving else response
        self.cache.keep(question.key, noted)
        return VersionedResponse(self, question, response, is_unchanged=False)

    async def _check(self, user_id: int, subjects: Sequence[Subject]) -> bytes:
        """Returns the states of a user's reads now."""
        finds = [self._checks.find(user_id, subject) for subject in subjects]
        # One alone, as in almost all requests, needs no task of its own.
        if len(finds) == 1:
            return encode_states([await finds[0]])
        return encode_states(await asyncio.gather(*finds))

    def _respond(self, question: Question, response: CachedResponse) -> "VersionedResponse":
        is_unchanged = self._is_unchanged(question, response)
        (_NOT_MODIFIED if is_unchanged else _USED).inc()
        return VersionedResponse(self, question, response, is_unchanged=is_unchanged)

    def _is_unchanged(self, question: Question, response: CachedResponse) -> bool:
        if not question.if_none_match:
            return False
        return is_match(self.tag(question.key, response), question.if_none_match)

    def tag(self, key: ResponseKey, response: CachedResponse) -> bytes:
        """Returns the tag of a response, made once."""
        if not response.tag:
            user = str(key.user_id).encode()
            parts = (self._release, user, key.request, key.variables, response.states)
            response.tag = make_tag(parts)
        return response.tag

    async def encode(
        self, key: ResponseKey, response: CachedResponse, coding: Coding
    ) -> bytes:
        """Returns a body in a coding, which is made once for a response that is cached."""
        body = response.encoded.get(coding.name)
        if body is None:
            body = await coding.encode(response.body or b"")
            # Meanwhile it may have been evicted, or replaced by that of another state.
            if self.cache.has(key, response):
                response.encoded[coding.name] = body
                self.cache.keep(key, response)
        return body


class VersionedResponse:
    """A response as ASGI sends it: 304, or 200 with a body, compressed by itself."""

    __slots__ = ("_is_unchanged", "_question", "_response", "_responses")

    def __init__(
        self,
        responses: VersionedResponses,
        question: Question,
        response: CachedResponse,
        *,
        is_unchanged: bool,
    ) -> None:
        self._responses = responses
        self._question = question
        self._response = response
        self._is_unchanged = is_unchanged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the response."""
        headers = self._headers()
        if self._is_unchanged:
            await send_whole(send, 304, headers, b"")
            return
        body = self._response.body or b""
        coding, smallest = choose_coding(scope)
        if self._responses.is_compressed and coding and len(body) > smallest:
            body = await self._responses.encode(self._question.key, self._response, coding)
            headers.append((b"content-encoding", coding.name))
        headers.append(self._question.content_type)
        headers.append((b"content-length", str(len(body)).encode()))
        await send_whole(send, 200, headers, body)

    def _headers(self) -> list[Header]:
        if self._question.is_get:
            tag = self._responses.tag(self._question.key, self._response)
            return [VARY_OF_USER, CACHE_CONTROL, (b"etag", tag)]
        return [VARY] if self._responses.is_compressed else []
