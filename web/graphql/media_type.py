"""The media type of a response, chosen by the `Accept` header of its request."""

import re
from dataclasses import dataclass
from functools import lru_cache

from web.http.bad_request import BadRequest
from web.http.json_response import GRAPHQL, JSON
from web.http.request import HttpRequest

EVENT_STREAM = "text/event-stream"
MULTIPART_STREAM = "multipart/mixed;subscriptionSpec=1.0"

LONGEST_ACCEPT = 1_000
"""The number of characters of `Accept` that are read."""
_WEIGHT = re.compile(r"q\s*=\s*([01](?:\.[0-9]*)?|\.[0-9]+)")
_WILDCARDS = ("application/*", "*/*")
_MULTIPART = "multipart/mixed"
_SUBSCRIPTIONS = re.compile(r'subscriptionspec\s*=\s*("?)1\.0\1')


@dataclass(frozen=True, slots=True)
class MediaTypes:
    """The media types of a response: `single` for a query or mutation, `stream` for a subscription.

    None stands for an operation whose response the client would not accept.
    """

    single: str | None
    stream: str | None

    def for_single(self) -> str:
        """Returns the media type of a query or mutation; raises BadRequest (406) without one."""
        if self.single is None:
            raise _not_acceptable(f"Accept {GRAPHQL} or {JSON}.")
        return self.single

    def for_stream(self) -> str:
        """Returns the media type of a subscription; raises BadRequest (406) without one."""
        if self.stream is None:
            message = f"For a subscription, accept {EVENT_STREAM} or {MULTIPART_STREAM}."
            raise _not_acceptable(message)
        return self.stream


def negotiate_media_types(http: HttpRequest) -> MediaTypes:
    """Returns the media types of the response; raises BadRequest (406) when none is accepted."""
    media_types = choose_media_types(http.join(b"accept")[:LONGEST_ACCEPT])
    if media_types.stream is None:
        # Nothing of ours is accepted for any operation, so the body need not be read.
        media_types.for_single()
    return media_types


def _not_acceptable(message: str) -> BadRequest:
    return BadRequest(406, "NOT_ACCEPTABLE", message)


@lru_cache(256)
def choose_media_types(accept: bytes) -> MediaTypes:
    """Returns the media types by their weights; of both kinds of streams, events go first.

    A query or mutation is streamed only to a client that accepts neither kind of JSON. A stream
    has to be named: a client that accepts anything waits for the end of a response.
    """
    weights = _parse_weights(accept)
    events, parts = weights.get(EVENT_STREAM, 0.0), weights.get(MULTIPART_STREAM, 0.0)
    stream = EVENT_STREAM if events >= parts else MULTIPART_STREAM
    only_events = EVENT_STREAM if events > 0 else None
    return MediaTypes(
        single=choose_media_type(accept) or only_events,
        stream=stream if max(events, parts) > 0 else None,
    )


@lru_cache(256)
def choose_media_type(accept: bytes) -> str | None:
    """Returns the media type with the highest weight, None when neither of ours is accepted.

    Of two with the same weight the one that is named goes first, then that of GraphQL; a client
    that accepts anything gets JSON.
    """
    weights = _parse_weights(accept)
    # By weight, then named before a wildcard; of two equal ones GraphQL's if named, else JSON.
    ranked = [
        (weight, is_named, is_named == (media_type == GRAPHQL), media_type)
        for media_type in (GRAPHQL, JSON)
        for weight, is_named in [_find_weight(media_type, weights)]
    ]
    weight, *_, media_type = max(ranked)
    return media_type if weight > 0 else None


def accepts_html(http: HttpRequest) -> bool:
    """Whether a page is preferred to our media types, as by browsers."""
    return _prefers_html(http.join(b"accept")[:LONGEST_ACCEPT])


@lru_cache(256)
def _prefers_html(accept: bytes) -> bool:
    weights = _parse_weights(accept)
    html = weights.get("text/html", 0.0)
    ours = max(_find_weight(media_type, weights) for media_type in (GRAPHQL, JSON))
    # At equal weights, a type of ours wins if it is named, and loses if only `*/*` covers it.
    return html > 0 and (html, False) >= ours


def _parse_weights(accept: bytes) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        matches = [match for text in parameters if (match := _WEIGHT.fullmatch(text))]
        weight = min(float(matches[0][1]), 1.0) if matches else 1.0
        if name == _MULTIPART and any(map(_SUBSCRIPTIONS.fullmatch, parameters)):
            name = MULTIPART_STREAM
        if name:
            weights[name] = max(weight, weights.get(name, 0.0))
    return weights or {"*/*": 1.0}


def _find_weight(media_type: str, weights: dict[str, float]) -> tuple[float, bool]:
    """Returns the weight of a media type, and whether it is named rather than a wildcard's."""
    if media_type in weights:
        return weights[media_type], True
    wildcards = [weights[wildcard] for wildcard in _WILDCARDS if wildcard in weights]
    return (wildcards[0] if wildcards else 0.0), False
