"""Multipart forms with a file, read with limits."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from web.http.bad_request import BadRequest

MULTIPART = "multipart/form-data"
MAXIMUM_FILES = 1
"""The highest number of files in one request: no mutation takes more."""
MAXIMUM_FIELDS = 2
"""The highest number of other parts: `operations` and `map` of a GraphQL request."""
MAXIMUM_FIELD_BYTES = 1_000_000
"""The largest of the other parts, in bytes."""

# The parser counts a part as a file or a field by other rules than the client does.
_TOO_MANY = (
    f"Too many parts: a form has at most {MAXIMUM_FILES} file "
    f"and {MAXIMUM_FIELDS} other parts."
)

IsFile = Callable[[str, bool], bool]
"""Whether a part is a file, by its name and by whether it has a file name."""


class _Parser(MultiPartParser):
    """Tells files from texts by `is_file`, as not every client gives each file a file name."""

    def __init__(
        self, headers: Headers, stream: AsyncGenerator[bytes, None], is_file: IsFile
    ) -> None:
        super().__init__(
            headers,
            stream,
            max_files=MAXIMUM_FILES,
            max_fields=MAXIMUM_FIELDS,
            max_part_size=MAXIMUM_FIELD_BYTES,
        )
        self.is_file = is_file

    @property
    def _charset(self) -> str:
        """The charset of the texts, which are UTF-8 whatever the request says.

        Of Python's codecs, which it could name, punycode takes quadratic time.
        """
        return "utf-8"

    @_charset.setter
    def _charset(self, name: str) -> None:
        """Ignores the charset that the request names."""

    def on_headers_finished(self) -> None:
        """Begins with the content of a part."""
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        name, has_file_name = options.get(b"name"), b"filename" in options
        if name is not None:
            is_file = self.is_file(name.decode("latin-1"), has_file_name)
            # The parser takes a part for a file exactly if it has a file name, so one is added
            # or taken away.
            if is_file and not has_file_name:
                disposition = part.content_disposition or b""
                part.content_disposition = disposition + b'; filename=""'
            if has_file_name and not is_file:
                part.content_disposition = b'form-data; name="%s"' % name
        super().on_headers_finished()


async def read_form(request: Request, maximum_bytes: int, is_file: IsFile) -> FormData:
    """Returns the parts of a form, which the caller closes; raises BadRequest.

    Files beyond a megabyte go to disk.
    """
    parser = _Parser(request.headers, _read_stream(request, maximum_bytes), is_file)
    message = "The multipart body is malformed"
    try:
        return await parser.parse()
    except MultiPartException as error:
        reason = _TOO_MANY if error.message.startswith("Too many") else error.message
        raise BadRequest(400, "BAD_REQUEST", f"{message}: {reason}") from None
    except (KeyError, UnicodeError, ValueError) as error:
        raise BadRequest(400, "BAD_REQUEST", f"{message}.") from error
    except ClientDisconnect:
        message = "The body ended before it was complete."
        raise BadRequest(400, "BAD_REQUEST", message) from None


async def _read_stream(request: Request, maximum_bytes: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > maximum_bytes:
            message = f"The upload is larger than {maximum_bytes} bytes."
            raise BadRequest(413, "FILE_TOO_LARGE", message)
        yield chunk


def close_files(form: FormData) -> None:
    """Closes, and so removes, every file of a form."""
    for _, part in form.multi_items():
        if isinstance(part, UploadFile):
            part.file.close()


@contextmanager
def closing_files(form: FormData) -> Iterator[None]:
    """Closes every file of a form at the end of the block."""
    try:
        yield
    finally:
        close_files(form)
