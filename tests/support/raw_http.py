"""HTTP as bytes on a socket, for requests that no client would send, and a server process that gets them."""

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.databases import sqlite_database
from tests.support.ports import free_port
from tests.support.processes import Processes, answers, wait_until
from tests.support.waiting import TIMEOUT_SECONDS

TOKEN = b"Authorization: Token demo-main\r\n"
PACKET_SECONDS = 0.01
"""Between two writes, so that they mostly arrive as two packets; no result depends on it."""


@dataclass(frozen=True)
class RawAnswer:
    """What came back until the server closed or the answer was complete."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of the one GraphQL error in the body."""
        (error,) = json.loads(self.body)["errors"]
        code: str = error["extensions"]["code"]
        return code


class RawServer:
    """A server process by its port."""

    def __init__(self, port: int, process_id: int, output: Path) -> None:
        self.port = port
        self.process_id = process_id
        self.output = output
        self.has_websockets = True

    def connect(self) -> socket.socket:
        """Opens a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_SECONDS)

    def ask(self, *pieces: bytes, pause: float = 0.0) -> RawAnswer | None:
        """Sends bytes, with a pause between them, and returns the answer; None when there is none."""
        with self.connect() as connection:
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except OSError:
                    break
                if pause:
                    time.sleep(pause)
            return read_answer(connection)

    def converse(self, *pieces: bytes) -> list[RawAnswer]:
        """Sends each piece in a packet of its own; returns all answers until the server closes."""
        with self.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for place, piece in enumerate(pieces):
                    if place:
                        time.sleep(PACKET_SECONDS)
                    connection.sendall(piece)
            except OSError:
                pass
            return answers_of(everything_from(connection))

    def post(
        self, body: bytes, head: bytes = b"", accept: bytes = b"application/json"
    ) -> RawAnswer | None:
        """Posts JSON with the demo token."""
        return self.ask(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: %s\r\n%s%s"
            b"Content-Length: %d\r\n\r\n" % (accept, TOKEN, head, len(body)) + body
        )

    def statistics(self) -> tuple[float, int]:
        """Returns the seconds of processor time that the process has used, and its resident bytes."""
        fields = (
            Path(f"/proc/{self.process_id}/stat").read_text().rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / 100, int(fields[21]) * 4096


def read_answer(connection: socket.socket) -> RawAnswer | None:
    """Reads one answer with a length."""
    data = b""
    while True:
        head, separator, body = data.partition(b"\r\n\r\n")
        if separator:
            answer = _answer(head, body)
            if len(body) >= int(answer.headers.get("content-length", 0)):
                return answer
        try:
            more = connection.recv(65_536)
        except ConnectionError:
            more = b""
        if not more:
            return None
        data += more


def _answer(head: bytes, body: bytes) -> RawAnswer:
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    return RawAnswer(int(first.split()[1]), headers, body)


def everything_from(connection: socket.socket) -> bytes:
    """Reads until the server closes."""
    data = b""
    try:
        while more := connection.recv(65_536):
            data += more
    except ConnectionError:
        pass
    return data


def answers_of(data: bytes) -> list[RawAnswer]:
    """Takes apart the answers that a connection got, each with a length; interim ones too."""
    answers = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        answer = _answer(head, b"")
        length = int(answer.headers.get("content-length", 0))
        answers.append(RawAnswer(answer.status, answer.headers, data[:length]))
        data = data[length:]
    return answers


@contextmanager
def uvicorn_server(folder: Path, *options: str) -> Iterator[RawServer]:
    """Starts the application by uvicorn's own command, with the demo's data and these options."""
    port = free_port()
    url = sqlite_database(folder)
    processes = Processes(folder, DATABASE_URL=url, REDIS_URL="", HOST="127.0.0.1")
    try:
        demo = processes.start(sys.executable, "server.py", "demo")
        assert demo.wait(TIMEOUT_SECONDS) == 0
        program = (
            sys.executable,
            "-m",
            "uvicorn",
            "server:application",
            "--port",
            str(port),
        )
        process = processes.start(*program, *options)
        wait_until(
            lambda: answers(f"http://127.0.0.1:{port}/healthz"), "The start of uvicorn"
        )
        yield RawServer(port, process.pid, folder / "python.1.log")
    finally:
        processes.end()


@contextmanager
def raw_server(folder: Path, **environment: Any) -> Iterator[RawServer]:
    """Starts the embedded server as the README says, with settings of the test."""
    port = free_port()
    settings = {
        "DATABASE_URL": sqlite_database(folder),
        "REDIS_URL": "",
        "HOST": "127.0.0.1",
    }
    processes = Processes(folder, **settings, **environment)
    try:
        process = processes.serve(port)
        yield RawServer(port, process.pid, folder / "python.0.log")
    finally:
        processes.end()
