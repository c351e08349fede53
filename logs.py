"""The logs: one set-up for servers and workers. Lines of JSON in production, readable ones embedded.

Every record of a request carries the request's id. What clients sent is never logged: no header, no body, and of an
unexpected error no message that may quote one, unless DEBUG is on.
"""

import logging
import re
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from traceback import format_tb
from types import TracebackType
from typing import TextIO

import orjson

import settings

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered; empty outside of one."""

_SECRETS = re.compile(
    r"(?<=://)[^/\s@]*(?=@)"
    r"|\b(?:Token|[Bb]earer)\s+[^\s'\",]+"
    r"|\bbasket_[\w-]{20,}"
    r"|(?:signature|[?&]\w*pass\w*)=[^\s&'\"]+"
)
_MAXIMUM_LENGTH = 2_000
_MAXIMUM_CAUSES = 8
_TELLING_MODULES = ("asyncpg", "redis", "models.", "commerce.", "tasks.")
# Classes of PostgreSQL's errors whose texts tell of the server or the statement and never of a value:
# connections, wrong statements, resources, limits, states, operators' interventions, systems.
_TELLING_STATES = ("08", "25", "40", "42", "53", "54", "55", "57", "58")


class Log(logging.Handler):
    """Writes to standard error, looking it up for every line: the worker's processes replace it."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter() if as_json else TextFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line."""
        try:
            stream: TextIO = sys.stderr
            stream.write(self.format(record) + "\n")
            stream.flush()
        except Exception:
            self.handleError(record)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message and, where there are any, request id, fields and error."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname,
            "logger": record.name,
            "message": cleaned(record.getMessage()),
        }
        if found := request_id.get():
            line["request_id"] = found
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            line["error"] = described(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


class TextFormatter(logging.Formatter):
    """The readable form, for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line, and the error below it."""
        named = f" [{found}]" if (found := request_id.get()) else ""
        text = f"{record.levelname} {record.name}{named}: {cleaned(record.getMessage())}"
        fields = "".join(
            f" {name}={value}" for name, value in getattr(record, "fields", {}).items()
        )
        if record.exc_info and record.exc_info[1]:
            return f"{text}{fields}\n{described(record.exc_info[1])}"
        return text + fields


def cleaned(text: str) -> str:
    """Takes passwords of addresses, tokens and signatures out of a text, and its end if it is very long."""
    return _SECRETS.sub("…", text[:_MAXIMUM_LENGTH])


def described(error: BaseException) -> str:
    """Returns where an error and its causes came from, and their messages unless they may quote what a client sent."""
    return "\n".join(
        f"{''.join(format_tb(each.__traceback__))}{type(each).__name__}: {_message(each)}"
        for each in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yields an error after what caused it, as Python prints them."""
    chain = [error]
    while len(chain) < _MAXIMUM_CAUSES:
        last = chain[-1]
        cause = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if cause is None or cause in chain:
            break
        chain.append(cause)
    yield from reversed(chain)


def _message(error: BaseException) -> str:
    """Returns the first line of an error's message if it is of a kind that tells of us and never of a request."""
    state = getattr(error, "sqlstate", None)
    is_telling = (
        state[:2] in _TELLING_STATES if isinstance(state, str) else _is_telling(error)
    )
    if is_telling or settings.DEBUG:
        text = (
            error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        )
        return cleaned(text.partition("\n")[0])
    return f"({f'SQL state {state}; ' if state else ''}the message may quote a request; DEBUG=true shows it)"


def _is_telling(error: BaseException) -> bool:
    # What asyncpg rejects as a value is an InterfaceError and a ValueError.
    if isinstance(error, ValueError | LookupError | TypeError):
        return False
    return isinstance(error, OSError | sqlite3.OperationalError) or type(
        error
    ).__module__.startswith(_TELLING_MODULES)


def report(message: str) -> None:
    """Says why a process does not start: in the log where that is JSON, otherwise as a plain line."""
    if _is_json():
        logging.getLogger("basket").critical(message)
    else:
        print(message, file=sys.stderr)


def announce(message: str) -> None:
    """Says what a process has done: in the log where that is JSON, otherwise on standard output."""
    if _is_json():
        logging.getLogger("basket").info(message)
    else:
        print(message)


def _is_json() -> bool:
    """Tells whether this process has set its logs up, and writes JSON."""
    return any(
        isinstance(handler.formatter, JsonFormatter) for handler in logging.root.handlers
    )


def set_up() -> None:
    """Sends every record of this process, also uvicorn's and Dramatiq's, through our handler, and only through it."""
    handler = Log(as_json=settings.LOG_FORMAT == "json")
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "dramatiq"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # uvicorn's line of access holds the whole address, and so the signatures of downloads; ours has the path's kind.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    logging.getLogger("dramatiq").setLevel(logging.INFO)
    logging.getLogger("basket").setLevel(settings.LOG_LEVEL)
    if settings.LOG_FORMAT == "json":
        _log_what_python_prints()


def _log_what_python_prints() -> None:
    """Sends warnings and uncaught exceptions to the log, each as one line."""
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    sys.unraisablehook = lambda raised: _log_raised(
        raised.exc_value, "An exception was ignored"
    )
    threading.excepthook = lambda raised: _log_raised(
        raised.exc_value, "A thread ended by an exception"
    )


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        _log_raised(error, "The process ended by an exception")


def _log_raised(error: BaseException | None, message: str) -> None:
    logging.getLogger("basket").critical(message, exc_info=error)


def take_over() -> None:
    """Sets the logs up when uvicorn was started from its own command line and has set up its own."""
    if logging.getLogger("uvicorn").handlers:
        set_up()
