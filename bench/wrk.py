"""The load generator: `wrk`, pinned to a core, with a script that sends the calls in turn."""

import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.operations import DIVISION_ID, KEY, PRODUCT, Call, Shape

CONNECTIONS = 16
LOAD_CORE = 1

# The calls are read from a file and the requests built as they are sent, which costs wrk one
# microsecond: eighty thousand prepared requests of 2 kB would not fit its memory. A key is of this
# run, of a thread, and of a request, so that none is ever sent twice.
_SCRIPT = """
local calls, number, sent, threads = {}, 0, 0, 0
setup = function(thread)
  threads = threads + 1
  thread:set("thread_number", threads)
end
init = function(arguments)
  for line in io.lines(%(file)s) do calls[#calls + 1] = {line:match("(%%S+) (%%S+) (%%S+)")} end
end
request = function()
  number, sent = number %% #calls + 1, sent + 1
  local call = calls[number]
  local text = %(body)s
  return %(head)s .. call[1] .. "\\r\\nContent-Length: " .. #text .. "\\r\\n\\r\\n" .. text
end
done = function(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format("RESULT %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    failed.connect + failed.read + failed.write + failed.status + failed.timeout))
end
"""


class LoadFailed(Exception):
    """Raised when requests failed or none were answered; the results are discarded."""


class NothingAnswered(LoadFailed):
    """Raised when no request was answered in the time of a measurement."""

    def __init__(self, who: str, seconds: float) -> None:
        super().__init__(f"{who} answered nothing in {seconds:g} s; give --seconds.")


@dataclass(frozen=True, slots=True)
class Load:
    """The requests of a measurement, its seconds, and latencies in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def _quoted(text: str) -> str:
    return f"[==[\n{text}]==]"


def write_script(folder: Path, shape: Shape, calls: Sequence[Call]) -> Path:
    """Writes the script, and the file of calls beside it."""
    lines = [
        f"{call.token} {call.line.product} {call.line.division}"
        if call.line
        else f"{call.token} 0 0"
        for call in calls
    ]
    file = folder / "calls.txt"
    file.write_text("\n".join(lines) + "\n")
    head = (
        f"{shape.method} {shape.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Type: application/json\r\nAuthorization: Token "
    )
    body = _body_expression(shape.body, secrets.token_hex(8))
    if shape.read_body:
        # A call without a line has 0 for its product.
        body = f'call[2] == "0" and {_quoted(shape.read_body)} or {body}'
    values = {
        "head": _lua(head),
        "body": body,
        "file": _quoted(str(file)),
    }
    script = folder / "workload.lua"
    script.write_text(_SCRIPT % values)
    return script


def _body_expression(body: str, run: str) -> str:
    """Returns a body in Lua, with the values of `call` and a key in place of the placeholders."""
    values = {
        PRODUCT: "call[2]",
        DIVISION_ID: "call[3]",
        KEY: f'string.format("{run}-%d-%012d", thread_number, sent)',
    }
    pieces = re.split(f"({'|'.join(values)})", body)
    return " .. ".join(values.get(piece) or _quoted(piece) for piece in pieces)


def _lua(text: str) -> str:
    return '"' + text.replace("\r", "\\r").replace("\n", "\\n") + '"'


def put_load(port: int, shape: Shape, calls: Sequence[Call], seconds: float) -> Load:
    """Sends the calls in turn over 16 connections; raises LoadFailed for any answer but 2xx.

    On a busy machine a slow server may answer no request in a short time.
    """
    program = shutil.which("wrk")
    if program is None:
        raise LoadFailed(
            "wrk is not installed; it is the load generator (apt install wrk)."
        )
    with tempfile.TemporaryDirectory(prefix="basket-bench-") as folder:
        script = write_script(Path(folder), shape, calls)
        pinned = ["taskset", "-c", str(LOAD_CORE)]
        duration = f"{max(1, round(seconds))}s"
        options = [
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{duration}",
            "--timeout",
            "30s",
            "-s",
            script,
        ]
        command = [*pinned, program, *map(str, options), f"http://127.0.0.1:{port}"]
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return _read(output)


def _read(output: str) -> Load:
    match = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", output)
    if match is None:
        raise LoadFailed(f"wrk did not end as it should: {output}")
    requests, microseconds, p50, p99, failed = map(int, match.groups())
    if failed:
        raise LoadFailed(f"{failed} requests failed, and {requests} were answered.")
    return Load(requests, microseconds / 1e6, p50 / 1e3, p99 / 1e3)
