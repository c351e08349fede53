"""Requests that ask for another protocol, and bodies that look like requests: one answer each."""

import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import program
from tests.support.raw_http import TOKEN, RawServer, raw_server, uvicorn_server
from tests.support.upgrade_requests import (
    HEAD,
    LAST,
    MAIN,
    QUERY,
    SMUGGLED,
    UPGRADES,
    WEBSOCKET,
    chunked,
    contents,
    sized,
)
from tests.support.waiting import TIMEOUT_SECONDS


@pytest.fixture(scope="module", params=["serve", "uvicorn", "h11"])
def server(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RawServer]:
    """The server by its own command, by uvicorn's without an option, and by uvicorn's on h11."""
    folder = tmp_path_factory.mktemp("server")
    starts = {
        "serve": lambda: raw_server(folder),
        "uvicorn": lambda: uvicorn_server(folder),
        "h11": lambda: uvicorn_server(folder, "--http", "h11"),
    }
    with starts[request.param]() as started:
        started.has_websockets = request.param != "h11"
        yield started
        assert "Traceback" not in started.output.read_text()


def test_every_start_announces_its_own_timeout_of_idle_connections(
    server: RawServer, request: pytest.FixtureRequest
) -> None:
    answer = server.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer is not None
    start = request.node.callspec.params["server"]
    seconds = {"serve": 15, "uvicorn": 5, "h11": 5}[start]
    assert answer.headers["keep-alive"] == f"timeout={seconds}"


@pytest.mark.parametrize("upgrade", UPGRADES)
@pytest.mark.parametrize("framed", [sized, chunked])
def test_the_body_of_a_request_with_an_upgrade_is_read(
    server: RawServer,
    upgrade: bytes,
    framed: object,
) -> None:
    write = sized if framed is sized else chunked
    head, body = write(HEAD + upgrade, QUERY)
    whole = head + body
    for pieces in (
        (whole + LAST,),
        (head, body, LAST),
        (head[:60], head[60:] + body[:3], body[3:] + LAST),
        (head[:-2], head[-2:], body[:-1], body[-1:], LAST),
    ):
        answers = server.converse(*pieces)
        assert [answer.status for answer in answers] == [200, 200]
        assert contents(answers) == [MAIN, {"status": "ok"}]
        assert answers[1].headers["x-request-id"] == "last"


@pytest.mark.parametrize("upgrade", [b"", *UPGRADES])
@pytest.mark.parametrize("framed", [sized, chunked])
def test_a_body_that_looks_like_a_request_is_none(
    server: RawServer,
    upgrade: bytes,
    framed: object,
) -> None:
    write = sized if framed is sized else chunked
    head, body = write(HEAD + upgrade, SMUGGLED)
    for pieces in ((head + body + LAST,), (head, body + LAST), (head, body, LAST)):
        answers = server.converse(*pieces)
        assert [answer.status for answer in answers] == [400, 200]
        assert answers[0].code == "BAD_REQUEST"
        assert answers[1].headers["x-request-id"] == "last"


def test_a_stranger_smuggles_nothing_either(server: RawServer) -> None:
    for upgrade in (b"", *UPGRADES):
        stranger = (
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        )
        head, body = sized(stranger + upgrade, SMUGGLED)
        for pieces in ((head + body + LAST,), (head, body, LAST)):
            answers = server.converse(*pieces)
            assert [answer.status for answer in answers] == [401, 200]


def test_the_rest_interface_reads_the_body_too(server: RawServer) -> None:
    rest = (
        b"POST /api/v1/basket/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    )
    line = b'{"product_remote_id": 3, "division": 1, "quantity": 2}'
    for number, upgrade in enumerate(UPGRADES):
        added = server.converse(*sized(rest % b"" + TOKEN + upgrade, line), LAST)
        assert [answer.status for answer in added] == [200, 200]
        name = b"Upgraded %d" % number
        saved = sized(rest % b"save/" + TOKEN + upgrade, b'{"name": "%s"}' % name)
        assert [answer.status for answer in server.converse(*saved, LAST)] == [200, 200]
        drafts = b"GET /api/v1/basket/drafts/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        (listed,) = contents(server.converse(drafts + TOKEN + b"\r\n"))
        assert isinstance(listed, list)
        assert listed[0]["name"] == name.decode()


def test_pipelined_requests_with_upgrades_are_answered_in_their_order(
    server: RawServer,
) -> None:
    writers = itertools.cycle((sized, chunked))
    requests = [
        b"".join(write(HEAD + b"X-Request-ID: %d\r\n" % number + upgrade, QUERY))
        for number, (upgrade, write) in enumerate(zip(UPGRADES, writers, strict=False))
    ]
    answers = server.converse(b"".join(requests) + LAST)
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert ids == [*map(str, range(len(UPGRADES))), "last"]
    assert contents(answers) == [MAIN] * len(UPGRADES) + [{"status": "ok"}]


def test_a_get_of_graphql_with_an_upgrade_is_a_get(server: RawServer) -> None:
    get = (
        b"GET /graphql?query={viewer{email}} HTTP/1.1\r\nHost: x\r\nX-Requested-With: x\r\n"
    )
    for upgrade in set(UPGRADES) - ({WEBSOCKET} if server.has_websockets else set()):
        answers = server.converse(get + TOKEN + upgrade + b"\r\n", LAST)
        assert contents(answers) == [MAIN, {"status": "ok"}]
        answers = server.converse(get + upgrade + b"\r\n" + LAST)
        assert [answer.status for answer in answers] == [401, 200]


@pytest.mark.parametrize("upgrade", UPGRADES)
def test_a_get_of_another_path_with_an_upgrade_is_a_get(
    server: RawServer, upgrade: bytes
) -> None:
    get = b"GET /b2b/basket/ HTTP/1.1\r\nHost: x\r\n"
    answers = server.converse(get + TOKEN + upgrade + b"\r\n" + SMUGGLED, LAST)
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [answer.headers["x-request-id"] for answer in answers[1:]] == [
        "smuggled",
        "last",
    ]
    answers = server.converse(get + upgrade + b"\r\n" + LAST)
    assert [answer.status for answer in answers] == [401, 200]


def test_nothing_after_a_request_that_closes_is_done(server: RawServer) -> None:
    for words in (b"close, upgrade", b"upgrade, close"):
        head, body = sized(HEAD + b"Connection: %s\r\nUpgrade: h2c\r\n" % words, QUERY)
        answers = server.converse(head + body + SMUGGLED)
        assert contents(answers) == [MAIN]


def test_the_fields_after_a_body_in_chunks_are_no_headers(server: RawServer) -> None:
    stranger = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    for upgrade in (b"", UPGRADES[0]):
        head, body = chunked(stranger + upgrade, QUERY)
        trailed = body[:-2] + TOKEN + b"X-Request-ID: trailer\r\n\r\n"
        for pieces in ((head + trailed + LAST,), (head, trailed, LAST)):
            answers = server.converse(*pieces)
            assert [answer.status for answer in answers] == [401, 200]
            assert answers[0].headers["x-request-id"] != "trailer"


def test_a_client_that_waits_to_be_told_to_go_on_is_told(server: RawServer) -> None:
    for upgrade in (b"", *UPGRADES):
        head, body = sized(HEAD + b"Expect: 100-continue\r\n" + upgrade, QUERY)
        answers = server.converse(head, body, LAST)[:2]
        assert [answer.status for answer in answers] in ([100, 200], [200, 200])
        assert contents(answers)[0] == MAIN


JAVA = """
import java.net.URI;
import java.net.http.*;

public class Ask {
    public static void main(String[] given) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int turn = 0; turn < 3; turn++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(given[0]))
                .header("Authorization", "Token demo-main")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(given[1]))
                .build();
            HttpResponse<String> got = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(got.statusCode() + " " + got.version() + " " + got.body());
        }
    }
}
"""


def test_the_http_client_of_java_is_answered(server: RawServer, tmp_path: Path) -> None:
    java = str(Path(program("javac")).with_name("java"))
    source = tmp_path / "Ask.java"
    source.write_text(JAVA)
    # For so short a program a compiler that optimises costs more than it saves.
    options = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    address = f"http://127.0.0.1:{server.port}/graphql"
    command = [java, *options, str(source), address, QUERY.decode()]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    line = '200 HTTP_1_1 {"data":{"viewer":{"email":"main@demo.invalid"}}}'
    assert done.stdout.splitlines() == [line] * 3


def test_curl_that_offers_http2_is_answered(server: RawServer) -> None:
    curl = program("curl")
    address = f"http://127.0.0.1:{server.port}/graphql"
    headers = [
        "-H",
        "Authorization: Token demo-main",
        "-H",
        "Content-Type: application/json",
    ]
    command = [curl, "-s", "--http2", address, *headers, "-d", QUERY.decode()]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=True)
    assert json.loads(done.stdout) == MAIN


def test_a_uvicorn_that_keeps_its_own_protocol_says_so(tmp_path: Path) -> None:
    with uvicorn_server(tmp_path, "--log-level", "trace") as started:
        lines = started.output.read_text().splitlines()
    warning = "start it with --http web.http.protocol:PunctualProtocol."
    assert len([line for line in lines if line.endswith(warning)]) == 1
