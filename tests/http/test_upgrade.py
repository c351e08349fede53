"""Requests that ask for another protocol, and bodies that look like requests: one answer each."""

import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import program
from tests.support.raw_http import TOKEN, RawAnswer, RawServer, raw_server, uvicorn_server
from tests.support.waiting import TIMEOUT_SECONDS

QUERY = b'{"query": "{ viewer { email } }"}'
MAIN = {"data": {"viewer": {"email": "main@demo.invalid"}}}
HEAD = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + TOKEN
LAST = (
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: last\r\n\r\n"
)
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-ID: smuggled\r\n\r\n"
UPGRADES = (
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    b"Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n",
    b"connection:upgrade\r\nupgrade: TLS/1.3, basket/7\r\n",
    b"Connection: x\r\nConnection: UPGRADE\r\nUpgrade: a\r\nUpgrade: b\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
)


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
        yield started
        assert "Traceback" not in started.output.read_text()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawServer]:
    """A server with our protocol."""
    with raw_server(tmp_path_factory.mktemp("ours")) as started:
        yield started
        assert "Traceback" not in started.output.read_text()


def sized(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Writes a request with a length, as its head and its body."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body), body


def chunked(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Writes a request in two chunks, as its head and its body."""
    chunks = (body[:7], body[7:], b"")
    written = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk]
    return head + b"Transfer-Encoding: chunked\r\n\r\n", b"".join([*written, b"0\r\n\r\n"])


def contents(answers: list[RawAnswer]) -> list[object]:
    """Returns the JSON of final answers."""
    return [json.loads(answer.body) for answer in answers if answer.status >= 200]


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
    for upgrade in UPGRADES:
        answers = server.converse(get + TOKEN + upgrade + b"\r\n", LAST)
        assert contents(answers) == [MAIN, {"status": "ok"}]
        answers = server.converse(get + upgrade + b"\r\n" + LAST)
        assert [answer.status for answer in answers] == [401, 200]


def test_nothing_after_a_request_that_closes_is_done(server: RawServer) -> None:
    for words in (b"close, upgrade", b"upgrade, close"):
        head, body = sized(HEAD + b"Connection: %s\r\nUpgrade: h2c\r\n" % words, QUERY)
        answers = server.converse(head + body + SMUGGLED)
        assert contents(answers) == [MAIN]


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 3\r\nContent-Length: 4\r\n",
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        b"Content-Length: +3\r\n",
        b"Content-Length: 0x3\r\n",
        b"Content-Length: 3,4\r\n",
        b"Content-Length:\r\n",
        b"Content-Length : 3\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"X: y\nContent-Length: 3\r\n",
        b"X: y\r\n Content-Length: 3\r\n",
    ],
)
def test_a_doubtful_length_is_400_and_ends_the_connection(
    ours: RawServer, framing: bytes
) -> None:
    for upgrade in (b"", *UPGRADES):
        head = HEAD + upgrade + framing
        for pieces in ((head + b"\r\n" + SMUGGLED,), (head, b"\r\n", SMUGGLED)):
            answers = ours.converse(*pieces)
            assert [answer.status for answer in answers] == [400]
            assert answers[0].code == "BAD_REQUEST"


@pytest.mark.parametrize(
    "chunks",
    [b"0x3\r\nabc\r\n0\r\n\r\n", b"3\nabc\n0\n\n", b"-1\r\n", b"2\r\nabc\r\n0\r\n\r\n"],
)
def test_doubtful_chunks_are_400_and_end_the_connection(
    ours: RawServer, chunks: bytes
) -> None:
    for upgrade in (b"", *UPGRADES):
        head = HEAD + upgrade + b"Transfer-Encoding: chunked\r\n\r\n"
        answers = ours.converse(head, chunks + SMUGGLED)
        assert [answer.status for answer in answers] == [400]


def test_what_is_around_chunks_is_bounded(ours: RawServer) -> None:
    token = TOKEN + b"Content-Type: application/json\r\n"
    for credentials, status in ((token, 431), (b"", 401)):
        head = (
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            + credentials
        )
        for filler in (b"2\r\n{}\r\n0\r\nX: ", b"2;x="):
            with ours.connect() as connection:
                connection.sendall(head + b"\r\n")
                with pytest.raises(ConnectionError):  # noqa: PT012
                    connection.sendall(filler)
                    for _ in range(400):
                        connection.sendall(b"y" * 250_000)
        answer = ours.ask(head + b"\r\n", b"1;x=", b"y" * 70_000, b"y" * 70_000, pause=0.02)
        assert answer is not None
        assert answer.status == status


def test_a_body_in_many_small_chunks_is_read(ours: RawServer) -> None:
    body = QUERY + b" " * 30_000
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\nX: y\r\n\r\n"
    answer = ours.ask(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunks)
    assert answer is not None
    assert json.loads(answer.body) == {"data": {"viewer": {"email": "main@demo.invalid"}}}


def test_connect_is_400_and_nothing_after_it_is_done(ours: RawServer) -> None:
    for target in (b"x:80", b"/graphql", b"http://x/graphql"):
        head = b"CONNECT %s HTTP/1.1\r\nHost: x\r\n" % target
        sized_head = head + b"Content-Length: 3\r\n\r\n"
        for pieces in ((head + b"\r\n" + SMUGGLED,), (sized_head, b"abc" + SMUGGLED)):
            answers = ours.converse(*pieces)
            assert [answer.status for answer in answers] == [400]
            assert answers[0].code == "BAD_REQUEST"


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


def test_a_client_that_is_rejected_before_its_body_is_closed(ours: RawServer) -> None:
    for upgrade in (b"", *UPGRADES):
        head = b"POST /graphql HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        answers = ours.converse(head + upgrade + b"Content-Length: 500\r\n\r\n")
        assert [answer.status for answer in answers] == [401]
        assert answers[0].headers["connection"] == "close"


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
    command = [java, str(source), f"http://127.0.0.1:{server.port}/graphql", QUERY.decode()]
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
