"""JSON of requests, parsed strictly: no name twice in an object, and no NaN."""

import json
from collections import Counter
from typing import Any

import orjson

from web.http.bad_request import BadRequest


def parse_json(text: bytes, subject: str) -> Any:
    """Returns parsed JSON; raises BadRequest, whose message begins with the subject.

    Of two values with the same name, one program may check the first and another execute the
    second. The fast parser keeps the last and cannot tell. But a text that it writes again byte
    for byte has no name twice, and most programs write JSON alike; only other texts are parsed
    again by the library that can tell.
    """
    try:
        content = orjson.loads(text)
        if not _is_canonical(content, text):
            _STRICT.decode(text.decode())
    except RecursionError:
        raise BadRequest(400, "BAD_REQUEST", f"{subject} is nested too deeply.") from None
    except ValueError as error:
        message = f"{subject} is not JSON: {str(error)[:200]}."
        raise BadRequest(400, "BAD_REQUEST", message) from None
    return content


def _is_canonical(content: Any, text: bytes) -> bool:
    try:
        return orjson.dumps(content) == text
    # orjson reads deeper nesting than it writes; such a text takes the strict parser.
    except orjson.JSONEncodeError:
        return False


def _object_from_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"an object has the name {twice[:100]!r} twice")
    return content


_STRICT = json.JSONDecoder(object_pairs_hook=_object_from_pairs)
