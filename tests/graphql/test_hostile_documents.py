"""Requests made to cost much are rejected for the price of few others, and leave no memory used."""

import json
from collections.abc import Iterator

import pytest

from tests.support.hostile_documents import BODIES, DOCUMENTS, Expected, body_of
from tests.support.raw_http import RawAnswer, RawServer, raw_server

GRAPHQL = b"application/graphql-response+json"
TIMES = 5
ORDINARY = (
    "query Page{viewer{id email division{id name erpCode}} activeBasket{id version totalAmount "
    "items{id quantity price totalAmount product{id sku name} divisions{quantity "
    "division{id name}}}} draftBaskets(first:20){edges{node{id name}}}}"
)
"""What a page asks for; the number that is put before it keeps it out of every cache."""
MOST_ORDINARY = 20
"""As many ordinary requests may a hostile one cost. The dearest ones cost 9."""
MOST_GROWTH = 16_000_000


class Server:
    """A server process, with the processor time of ordinary requests as the unit of cost."""

    def __init__(self, raw: RawServer) -> None:
        self.raw = raw
        self._seconds = 0.0
        self._number = 0
        self.ordinary_seconds(20)

    def outcome(self, body: bytes) -> Expected:
        """Sends a body; returns the status and the code of the first error."""
        return outcome(self.raw.post(body, accept=GRAPHQL))

    def seconds_of(self, bodies: list[bytes], expected: Expected) -> float:
        """Sends bodies, whose answer must be as expected; returns the processor time of each."""
        begin, _ = self.raw.statistics()
        for body in bodies:
            assert self.outcome(body) == expected
        return (self.raw.statistics()[0] - begin) / len(bodies)

    def ordinary_seconds(self, more: int) -> float:
        """Sends more ordinary requests; returns the processor time of each of all sent so far.

        It counts in hundredths of a second, so that a few requests alone would tell little.
        """
        numbers = range(self._number, self._number + more)
        bodies = [body_of(ORDINARY, number) for number in numbers]
        self._seconds += self.seconds_of(bodies, (200, None)) * more
        self._number += more
        return self._seconds / self._number


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The embedded server with its default limits."""
    with raw_server(tmp_path_factory.mktemp("server")) as started:
        yield Server(started)
        assert "Traceback" not in started.output.read_text()


def outcome(answer: RawAnswer | None) -> Expected:
    """Returns the status and the code of the first error."""
    assert answer is not None
    errors = json.loads(answer.body).get("errors", [{}])
    assert len(answer.body) < 5_000
    assert len(errors) <= 10
    assert all(len(error.get("message", "")) <= 300 for error in errors)
    return answer.status, errors[0].get("extensions", {}).get("code")


def assert_cheap(server: Server, bodies: list[bytes], expected: Expected) -> None:
    """Asserts that each body costs at most as much as so many ordinary requests."""
    seconds = server.seconds_of(bodies, expected)
    assert seconds < MOST_ORDINARY * server.ordinary_seconds(2)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hostile_document_costs_as_much_as_few_ordinary_ones(
    server: Server, name: str
) -> None:
    document, expected = DOCUMENTS[name]
    assert_cheap(server, [body_of(document, number) for number in range(TIMES)], expected)


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_costs_as_much_as_few_ordinary_ones(
    server: Server, name: str
) -> None:
    body, expected = BODIES[name]
    assert_cheap(server, [body] * TIMES, expected)


def test_memory_is_back_where_it_was(server: Server) -> None:
    def send_all(number: int) -> int:
        for document, expected in DOCUMENTS.values():
            assert server.outcome(body_of(document, number)) == expected
        for body, expected in BODIES.values():
            assert server.outcome(body) == expected
        return server.raw.statistics()[1]

    before = send_all(-1)
    assert max(send_all(-2 - number) for number in range(3)) - before < MOST_GROWTH
