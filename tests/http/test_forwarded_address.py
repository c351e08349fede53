"""Whose requests are counted together: behind a proxy that is believed, and behind one that is not."""

from pathlib import Path

import pytest

from tests.support.raw_http import RawServer, raw_server

QUERY = b'{"query": "{ viewer { id } }"}'


def status(server: RawServer, address: bytes) -> tuple[int, bool]:
    """Sends a request as a proxy does; returns the status and whether the answer says when to try again."""
    answer = server.post(QUERY, b"X-Forwarded-For: %s\r\n" % address)
    assert answer is not None
    return answer.status, "retry-after" in answer.headers


@pytest.mark.parametrize(
    ("believed", "other"), [("127.0.0.1", (200, False)), ("192.0.2.1", (429, True))]
)
def test_clients_of_a_believed_proxy_are_counted_one_by_one(
    tmp_path: Path, believed: str, other: tuple[int, bool]
) -> None:
    with raw_server(
        tmp_path, FORWARDED_ALLOW_IPS=believed, RATE_LIMIT_ADDRESS="3/hour"
    ) as server:
        assert [status(server, b"198.51.100.1") for _ in range(4)] == [(200, False)] * 3 + [
            (429, True)
        ]
        assert status(server, b"198.51.100.2") == other
        assert status(server, b"2001:db8::1") == other
        assert status(server, b"2001:db8::2") == other
