"""JSON of requests, read strictly: no name twice in an object, no NaN, nothing that cannot be written again."""

import json
from typing import Any

import orjson

from web.http.bad_request import BadRequest


def json_of(text: bytes, what: str) -> Any:
    """Reads JSON; raises BadRequest, whose message begins with `what`, when it is none or says something twice.

    Two programs may take different ones of two values with the same name, and what one has checked the other executes.
    The quick parser keeps the last and cannot tell. But what is written again exactly as it came has no name twice, and
    most programs write JSON alike; everything else is read a second time by the library that can tell.
    """
    try:
        content = orjson.loads(text)
        if not _is_written_so(content, text):
            _STRICT.decode(text.decode())
    except RecursionError:
        raise BadRequest(400, "BAD_REQUEST", f"{what} is nested too deeply.") from None
    except ValueError as error:
        raise BadRequest(
            400, "BAD_REQUEST", f"{what} is not JSON: {str(error)[:200]}."
        ) from None
    return content


def _is_written_so(content: Any, text: bytes) -> bool:
    try:
        return orjson.dumps(content) == text
    except orjson.JSONEncodeError:
        return False


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the name {twice[:100]!r} twice")
    return content


_STRICT = json.JSONDecoder(object_pairs_hook=_distinct)
