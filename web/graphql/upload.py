"""GraphQL multipart requests: an operation with files, by the GraphQL multipart specification.

Three parts in order: `operations` (the JSON request with null where files go), `map` (the JSON
object from file part to paths), and the file parts. docs/decisions.md has the address of the
specification.
"""

from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from web.http.bad_request import BadRequest
from web.http.json_request import parse_json
from web.http.multipart import close_files, read_form

TEXTS = ("operations", "map")
"""The parts that are no files, even when a client gives them a file name."""
MAXIMUM_INDEX_DIGITS = 6
"""The most digits of a list index in a path of `map`."""


async def read_upload(request: Request, maximum_bytes: int) -> tuple[Any, FormData]:
    """Returns the JSON request of a form with its files in place, and the form; raises BadRequest.

    The caller closes the files of the form.
    """
    form = await read_form(request, maximum_bytes, _is_upload)
    try:
        return content_from_form(form), form
    except BaseException:
        close_files(form)
        raise


def _is_upload(name: str, has_file_name: bool) -> bool:
    return name not in TEXTS


def content_from_form(form: FormData) -> Any:
    """Returns the JSON request of a form with its files in place; raises BadRequest."""
    operations = _json_object(form, "operations")
    files = {
        name: part for name, part in form.multi_items() if isinstance(part, UploadFile)
    }
    mapped = _json_object(form, "map")
    # A file that `map` does not name would be read and ignored.
    if set(mapped) != set(files):
        raise _malformed("`map` does not name exactly the file parts of the form.")
    for name, paths in mapped.items():
        if not _is_path_list(paths):
            raise _malformed(f"`map` has no list of paths for the file {name[:100]!r}.")
        for path in paths:
            _insert_file(operations, path, files[name])
    return operations


def _malformed(message: str) -> BadRequest:
    return BadRequest(400, "BAD_REQUEST", message)


def _is_path_list(value: Any) -> bool:
    is_filled = isinstance(value, list) and bool(value)
    return is_filled and all(isinstance(path, str) for path in value)


def _json_object(form: FormData, name: str) -> dict[str, Any]:
    text = form.get(name)
    value = None
    if isinstance(text, str):
        value = parse_json(text.encode(errors="replace"), f"`{name}`")
    if not isinstance(value, dict):
        raise _malformed(f"The form has no JSON object `{name}`.")
    return value


def _insert_file(operations: dict[str, Any], path: str, file: UploadFile) -> None:
    """Puts a file at a path, which must lead to a null somewhere in the variables."""
    keys = path.split(".")
    parent: Any = operations
    for key in keys[:-1]:
        parent = _child(parent, key)
    # The ellipsis stands for a missing entry, which must not pass for the null in a file's place.
    if keys[0] != "variables" or len(keys) < 2 or _child(parent, keys[-1], ...) is not None:
        message = (
            f"The path {path[:100]!r} of `map` does not lead to a null in `variables`."
        )
        raise _malformed(message)
    parent[int(keys[-1]) if isinstance(parent, list) else keys[-1]] = file


def _child(parent: Any, key: str, missing: Any = None) -> Any:
    if isinstance(parent, dict):
        return parent.get(key, missing)
    if isinstance(parent, list) and _is_index(key) and int(key) < len(parent):
        return parent[int(key)]
    return missing


def _is_index(key: str) -> bool:
    is_short = len(key) <= MAXIMUM_INDEX_DIGITS
    return key.isascii() and key.isdigit() and is_short and str(int(key)) == key
