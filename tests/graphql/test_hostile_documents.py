"""Requests made to cost much are rejected in milliseconds, and leave no memory behind: measured on a server process."""

import json
from collections.abc import Iterator

import pytest

from tests.support.hostile_documents import BODIES, DOCUMENTS, Expected, body_of
from tests.support.raw_http import RawAnswer, RawServer, raw_server

GRAPHQL = b"application/graphql-response+json"
MOST_SECONDS = 0.1
TIMES = 5
MOST_GROWTH = 16_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawServer]:
    """The embedded server with its default limits."""
    with raw_server(tmp_path_factory.mktemp("server")) as started:
        yield started
        assert "Traceback" not in started.output.read_text()


def outcome(answer: RawAnswer | None) -> Expected:
    """Returns the status and the code of the first error."""
    assert answer is not None
    errors = json.loads(answer.body).get("errors", [{}])
    assert len(answer.body) < 5_000
    assert len(errors) <= 10
    assert all(len(error.get("message", "")) <= 300 for error in errors)
    return answer.status, errors[0].get("extensions", {}).get("code")


def seconds_of(server: RawServer, bodies: list[bytes], expected: Expected) -> float:
    """Sends bodies, whose answer must be as expected, and returns the processor time of each."""
    begin, _ = server.statistics()
    for body in bodies:
        assert outcome(server.post(body, accept=GRAPHQL)) == expected
    return (server.statistics()[0] - begin) / len(bodies)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hostile_document_is_answered_within_a_tenth_of_a_second(
    server: RawServer, name: str
) -> None:
    document, expected = DOCUMENTS[name]
    seconds = seconds_of(
        server, [body_of(document, number) for number in range(TIMES)], expected
    )
    assert seconds < MOST_SECONDS


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_is_answered_within_a_tenth_of_a_second(
    server: RawServer, name: str
) -> None:
    body, expected = BODIES[name]
    assert seconds_of(server, [body] * TIMES, expected) < MOST_SECONDS


def test_memory_is_back_where_it_was(server: RawServer) -> None:
    def send_all(number: int) -> int:
        for document, expected in DOCUMENTS.values():
            assert (
                outcome(server.post(body_of(document, number), accept=GRAPHQL)) == expected
            )
        for body, expected in BODIES.values():
            assert outcome(server.post(body, accept=GRAPHQL)) == expected
        return server.statistics()[1]

    before = send_all(-1)
    assert max(send_all(-2 - number) for number in range(3)) - before < MOST_GROWTH
