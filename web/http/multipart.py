"""GraphQL multipart requests: an operation with files, by the multipart request specification of GraphQL.

Three parts in order: `operations` (the JSON request with null where files go), `map` (the JSON object from file part to
paths), and the file parts. See docs/decisions.md for the address of the specification's text.
"""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from web.http.bad_request import BadRequest
from web.http.json_request import json_of

MULTIPART = "multipart/form-data"
PREFLIGHT_HEADERS = (
    "x-requested-with",
    "apollo-require-preflight",
    "x-apollo-operation-name",
)
TEXTS = ("operations", "map")
"""The parts of a GraphQL request that are no files, even when a client gives them a file name."""
MAXIMUM_FILES = 1
"""The highest number of files in one request: no mutation takes more."""
MAXIMUM_FIELD_BYTES = 1_000_000
"""The largest `operations` or `map`."""

_TOO_MANY = (
    f"Too many parts: a form has at most {MAXIMUM_FILES} file and {len(TEXTS)} other parts."
)
"""Said of every part too many: the parser calls one a file or a field that is neither to the client."""


def check_preflight(request: Request, what: str) -> None:
    """Raises BadRequest (403) without a header that a foreign page cannot send.

    The token is such a header itself, unless a proxy makes it out of a cookie: then a form or an
    image of another site may post multipart, or get, in the visitor's name. It cannot add a
    header of its own without the browser asking us before.
    """
    if not any(request.headers.get(name, "").strip() for name in PREFLIGHT_HEADERS):
        raise BadRequest(
            403, "PREFLIGHT_REQUIRED", f"{what} need a non-empty header `X-Requested-With`."
        )


IsFile = Callable[[str, bool], bool]
"""Whether a part is a file, by its name and by whether it has a file name."""


def is_upload(name: str, has_file_name: bool) -> bool:
    """Whether a part of a GraphQL request is a file."""
    return name not in TEXTS


class _Parser(MultiPartParser):
    """Tells files from texts by `is_file`, as not every client gives each file a file name."""

    def __init__(
        self, headers: Headers, stream: AsyncGenerator[bytes, None], is_file: IsFile
    ) -> None:
        limits = {"max_files": MAXIMUM_FILES, "max_fields": len(TEXTS)}
        super().__init__(headers, stream, max_part_size=MAXIMUM_FIELD_BYTES, **limits)
        self.is_file = is_file

    def on_headers_finished(self) -> None:
        """Begins with the content of a part."""
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        name, has_file_name = options.get(b"name"), b"filename" in options
        if name is not None:
            is_file = self.is_file(name.decode("latin-1"), has_file_name)
            if is_file and not has_file_name:
                part.content_disposition = (
                    part.content_disposition or b""
                ) + b'; filename=""'
            if has_file_name and not is_file:
                part.content_disposition = b'form-data; name="%s"' % name
        super().on_headers_finished()


async def multipart_form(request: Request, maximum_bytes: int, is_file: IsFile) -> FormData:
    """Reads the parts; files beyond a megabyte go to disk. Raises BadRequest. The caller closes the form."""
    parser = _Parser(
        request.headers,
        _bounded(request, maximum_bytes),
        is_file,
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        reason = _TOO_MANY if error.message.startswith("Too many") else error.message
        raise BadRequest(
            400, "BAD_REQUEST", f"The multipart body is malformed: {reason}"
        ) from None
    except (KeyError, UnicodeError, ValueError) as error:
        raise BadRequest(400, "BAD_REQUEST", "The multipart body is malformed.") from error
    except ClientDisconnect:
        raise BadRequest(
            400, "BAD_REQUEST", "The body ended before it was complete."
        ) from None


async def _bounded(request: Request, maximum_bytes: int) -> AsyncGenerator[bytes, None]:
    count = 0
    async for chunk in request.stream():
        count += len(chunk)
        if count > maximum_bytes:
            raise BadRequest(
                413, "FILE_TOO_LARGE", f"The upload is larger than {maximum_bytes} bytes."
            )
        yield chunk


def content_of(form: FormData) -> Any:
    """Returns the JSON request of a form with its files in place; raises BadRequest when the form is malformed."""
    operations = _json_object(form, "operations")
    files = {
        name: part for name, part in form.multi_items() if isinstance(part, UploadFile)
    }
    mapped = _json_object(form, "map")
    if set(mapped) != set(files):
        raise BadRequest(
            400, "BAD_REQUEST", "`map` does not name exactly the file parts of the form."
        )
    for name, paths in mapped.items():
        if (
            not isinstance(paths, list)
            or not paths
            or not all(isinstance(path, str) for path in paths)
        ):
            raise BadRequest(
                400,
                "BAD_REQUEST",
                f"`map` has no list of paths for the file {name[:100]!r}.",
            )
        for path in paths:
            _place(operations, path, files[name])
    return operations


def _json_object(form: FormData, name: str) -> dict[str, Any]:
    text = form.get(name)
    value = (
        json_of(text.encode(errors="replace"), f"`{name}`")
        if isinstance(text, str)
        else None
    )
    if not isinstance(value, dict):
        raise BadRequest(400, "BAD_REQUEST", f"The form has no JSON object `{name}`.")
    return value


def _place(operations: dict[str, Any], path: str, file: UploadFile) -> None:
    """Puts a file where the path leads; it must lead to a null somewhere in the variables."""
    keys = path.split(".")
    parent: Any = operations
    for key in keys[:-1]:
        parent = _child(parent, key)
    if keys[0] != "variables" or len(keys) < 2 or _child(parent, keys[-1], ...) is not None:
        raise BadRequest(
            400,
            "BAD_REQUEST",
            f"The path {path[:100]!r} of `map` does not lead to a null in `variables`.",
        )
    parent[int(keys[-1]) if isinstance(parent, list) else keys[-1]] = file


def _child(parent: Any, key: str, missing: Any = None) -> Any:
    if isinstance(parent, dict):
        return parent.get(key, missing)
    is_index = key.isascii() and key.isdigit() and len(key) <= 6 and str(int(key)) == key
    if isinstance(parent, list) and is_index and int(key) < len(parent):
        return parent[int(key)]
    return missing


@contextmanager
def closing_files(form: FormData) -> Iterator[None]:
    """Closes, and so removes, every file of a form when the request is over."""
    try:
        yield
    finally:
        for _, part in form.multi_items():
            if isinstance(part, UploadFile):
                part.file.close()
