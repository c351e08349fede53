"""The media types of queries and of subscriptions, by what real clients send and by weights."""

import pytest

from web.graphql.media_type import choose_media_types
from web.http.bad_request import BadRequest

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
PARTS = "multipart/mixed;subscriptionSpec=1.0"

CLIENTS = {
    "urql, subscription": "text/event-stream, multipart/mixed",
    "urql": "application/graphql-response+json, application/graphql+json, application/json, "
    "text/event-stream, multipart/mixed",
    "graphql-sse": "text/event-stream",
    "Apollo Client, query": "application/graphql-response+json,application/json;q=0.9",
    "Apollo Client, subscription": "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,"
    "application/graphql-response+json,application/json;q=0.9",
    "Apollo Client, deferred": "multipart/mixed;deferSpec=20220824,application/json",
    "Apollo Kotlin": "multipart/mixed;subscriptionSpec=1.0, "
    "application/graphql-response+json, application/json",
    "Apollo iOS": "multipart/mixed;subscriptionSpec=1.0,application/json",
    "gql": "text/event-stream, multipart/mixed;subscriptionSpec=1.0, application/json",
    "curl": "*/*",
    "none": "",
}


@pytest.mark.parametrize(
    ("client", "single", "stream"),
    [
        ("urql", GRAPHQL, EVENTS),
        ("urql, subscription", EVENTS, EVENTS),
        ("graphql-sse", EVENTS, EVENTS),
        ("Apollo Client, query", GRAPHQL, None),
        ("Apollo Client, subscription", GRAPHQL, PARTS),
        ("Apollo Client, deferred", JSON, None),
        ("Apollo Kotlin", GRAPHQL, PARTS),
        ("Apollo iOS", JSON, PARTS),
        ("gql", JSON, EVENTS),
        ("curl", JSON, None),
        ("none", JSON, None),
    ],
)
def test_real_clients_get_the_media_types_that_they_can_read(
    client: str, single: str, stream: str | None
) -> None:
    media_types = choose_media_types(CLIENTS[client].encode())
    assert (media_types.single, media_types.stream) == (single, stream)


@pytest.mark.parametrize(
    ("accept", "single", "stream"),
    [
        (f"{EVENTS}, {PARTS}", EVENTS, EVENTS),
        (f"{PARTS}, {EVENTS}", EVENTS, EVENTS),
        (f"{EVENTS};q=0.5, {PARTS}", EVENTS, PARTS),
        (f"{EVENTS};q=0.5, {PARTS};q=0.4", EVENTS, EVENTS),
        (f"{EVENTS};q=0, {PARTS}", None, PARTS),
        (f"{EVENTS};q=0, {PARTS};q=0, {JSON}", JSON, None),
        (f"{EVENTS}, {JSON};q=0.1", JSON, EVENTS),
        (f"{EVENTS};q=0.2, */*", JSON, EVENTS),
        ("TEXT/Event-Stream", EVENTS, EVENTS),
        ("text/event-stream; charset=utf-8", EVENTS, EVENTS),
        ("text/*", None, None),
        ('multipart/mixed;subscriptionSpec="1.0"', None, PARTS),
        ('multipart/mixed; boundary="graphql"; subscriptionSpec=1.0; q=0.3', None, PARTS),
        ("Multipart/Mixed;SubscriptionSpec=1.0", None, PARTS),
        ('multipart/mixed;subscriptionSpec="1.0', None, None),
        ("multipart/mixed;subscriptionSpec=2.0", None, None),
        ("multipart/mixed;boundary=graphql", None, None),
        ("multipart/mixed", None, None),
        ("multipart/*", None, None),
        ("text/csv", None, None),
    ],
)
def test_weights_and_parameters_choose(
    accept: str, single: str | None, stream: str | None
) -> None:
    media_types = choose_media_types(accept.encode())
    assert (media_types.single, media_types.stream) == (single, stream)


def test_what_cannot_be_read_is_rejected_with_what_to_send() -> None:
    for accept, for_stream, message in (
        (JSON, True, f"For a subscription, accept {EVENTS} or {PARTS}."),
        (PARTS, False, f"Accept {GRAPHQL} or {JSON}."),
    ):
        media_types = choose_media_types(accept.encode())
        with pytest.raises(BadRequest) as raised:
            media_types.for_stream() if for_stream else media_types.for_single()
        rejection = raised.value
        assert (rejection.status, rejection.code) == (406, "NOT_ACCEPTABLE")
        assert rejection.message == message
