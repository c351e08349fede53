"""The logs of servers and workers: lines of JSON in production, readable lines embedded.

Every line about a request has the request's id. Nothing that clients sent is logged: no header, no
body, and of an unexpected error no message that may quote one, unless DEBUG is on.
"""

import logging
import re
import sqlite3
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from traceback import format_tb
from types import TracebackType
from typing import TextIO

import orjson

from request_record import current_record
from settings.options import LogOptions

_SECRETS = re.compile(
    r"(?<=://)[^/\s@]*(?=@)"
    r"|\b(?:Token|[Bb]earer)\s+[^\s'\",]+"
    r"|\bbasket_[\w-]{20,}"
    r"|(?:signature|[?&]\w*pass\w*)=[^&\s'\"]+"
)
_MAXIMUM_LENGTH = 2_000
_MAXIMUM_CAUSES = 8
_SAFE_MODULES = ("asyncpg", "redis", "models.", "commerce.", "tasks.")
# Classes of PostgreSQL's errors whose messages are about the server or the statement and never
# about a value: connections, wrong statements, resources, limits, states, operators, systems.
_SAFE_STATES = ("08", "25", "40", "42", "53", "54", "55", "57", "58")


class Log(logging.Handler):
    """Writes to standard error, looked up for every line: Dramatiq's processes replace it."""

    def __init__(self, options: LogOptions) -> None:
        super().__init__()
        formatter = JsonFormatter if options.is_json else TextFormatter
        self.setFormatter(formatter(shows_messages=options.shows_messages))

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line."""
        try:
            stream: TextIO = sys.stderr
            stream.write(self.format(record) + "\n")
            stream.flush()
        except Exception:
            self.handleError(record)


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, request id, fields and error."""

    def __init__(self, *, shows_messages: bool = False) -> None:
        super().__init__()
        self.shows_messages = shows_messages

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line; the request id, the fields and the error are there if they exist."""
        time = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": remove_secrets(record.getMessage()),
        }
        if request_id := current_record().request_id:
            line["request_id"] = request_id
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            line["error"] = describe_error(record.exc_info[1], self.shows_messages)
        return orjson.dumps(line, default=str).decode()


class TextFormatter(logging.Formatter):
    """The readable form, for a person at a terminal."""

    def __init__(self, *, shows_messages: bool = False) -> None:
        super().__init__()
        self.shows_messages = shows_messages

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line, and the error below it."""
        request_id = current_record().request_id
        name = f"{record.name} [{request_id}]" if request_id else record.name
        text = f"{record.levelname} {name}: {remove_secrets(record.getMessage())}"
        for field, value in getattr(record, "fields", {}).items():
            text += f" {field}={value}"
        if record.exc_info and record.exc_info[1]:
            text += "\n" + describe_error(record.exc_info[1], self.shows_messages)
        return text


def remove_secrets(text: str) -> str:
    """Returns a text without passwords of addresses, tokens and signatures, cut when very long."""
    # Cut first, so that the time of the search is bounded.
    return _SECRETS.sub("…", text[:_MAXIMUM_LENGTH])


def describe_error(error: BaseException, shows_messages: bool) -> str:
    """Returns the tracebacks of an error and its causes, and their messages if they are safe."""
    return "\n".join(
        f"{''.join(format_tb(cause.__traceback__))}{type(cause).__name__}: "
        f"{_describe_message(cause, shows_messages)}"
        for cause in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yields an error after its causes, as Python prints them."""
    chain = [error]
    while len(chain) < _MAXIMUM_CAUSES:
        last = chain[-1]
        cause = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if cause is None or cause in chain:
            break
        chain.append(cause)
    yield from reversed(chain)


def _describe_message(error: BaseException, shows_messages: bool) -> str:
    """Returns the first line of an error's message unless it may quote a request."""
    state = getattr(error, "sqlstate", None)
    if not (shows_messages or _is_safe(error, state)):
        prefix = f"SQL state {state}; " if state else ""
        return f"({prefix}the message may quote a request; DEBUG=true shows it)"
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    return remove_secrets(text.partition("\n")[0])


def _is_safe(error: BaseException, state: object) -> bool:
    """Whether the message of an error never quotes a value of a request."""
    if isinstance(state, str):
        return state[:2] in _SAFE_STATES
    # A value that asyncpg rejects is an InterfaceError and a ValueError.
    if isinstance(error, ValueError | LookupError | TypeError):
        return False
    if isinstance(error, OSError | sqlite3.OperationalError):
        return True
    return type(error).__module__.startswith(_SAFE_MODULES)


def report(message: str) -> None:
    """Writes why a process does not start: to the log if that is JSON, else as a plain line."""
    if _is_json():
        logging.getLogger("basket").critical(message)
    else:
        print(message, file=sys.stderr)


def announce(message: str) -> None:
    """Writes a result of a process: to the log if that is JSON, else to standard output."""
    if _is_json():
        logging.getLogger("basket").info(message)
    else:
        print(message)


def _is_json() -> bool:
    """Whether this process has set its logs up, and writes JSON."""
    return any(
        isinstance(handler.formatter, JsonFormatter) for handler in logging.root.handlers
    )


def _is_reason(record: logging.LogRecord) -> bool:
    """Whether a record is more than uvicorn's announcement of an end whose reason it follows."""
    return record.getMessage() != "Application startup failed. Exiting."


def set_up(options: LogOptions) -> None:
    """Sends every record, also uvicorn's and Dramatiq's, through our handler and only it."""
    handler = Log(options)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "dramatiq"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # uvicorn's access line has the whole address, and so the signatures of downloads.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    # The last line of a start that fails is the reason.
    logging.getLogger("uvicorn.error").addFilter(_is_reason)
    logging.getLogger("dramatiq").setLevel(logging.INFO)
    logging.getLogger("basket").setLevel(options.level)
    if options.is_json:
        _capture_prints()


def _capture_prints() -> None:
    """Sends warnings and uncaught exceptions to the log, each as one line."""
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    sys.unraisablehook = lambda raised: _log_error(
        raised.exc_value, "An exception was ignored"
    )
    threading.excepthook = lambda raised: _log_error(
        raised.exc_value, "A thread ended by an exception"
    )


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        _log_error(error, "The process ended by an exception")


def _log_error(error: BaseException | None, message: str) -> None:
    logging.getLogger("basket").critical(message, exc_info=error)


def take_over(options: LogOptions) -> None:
    """Sets the logs up if uvicorn was started from its own command line and has set up its own."""
    if logging.getLogger("uvicorn").handlers:
        set_up(options)
