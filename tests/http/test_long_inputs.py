"""Long inputs are read in as many steps as they have characters.

Each of these is so long that steps for every two of its characters would take many minutes.
"""

import pytest
from starlette.requests import Request
from starlette.types import Message

from text import is_blank, trim
from web.exports.byte_range import parse_range
from web.http.bad_request import BadRequest
from web.http.json_request import parse_json
from web.http.multipart import read_form


@pytest.mark.parametrize("twice", [0, 299_999])
def test_a_name_that_comes_twice_among_many_is_named(twice: int) -> None:
    names = [*range(300_000), twice]
    text = "{" + ", ".join(f'"n{name}": 1' for name in names) + "}"
    with pytest.raises(BadRequest) as rejection:
        parse_json(text.encode(), "The body")
    message = f"The body is not JSON: an object has the name 'n{twice}' twice."
    assert (rejection.value.status, rejection.value.message) == (400, message)


def test_the_first_of_several_names_that_come_twice_is_named() -> None:
    with pytest.raises(BadRequest) as rejection:
        parse_json(b'{"a": 1, "b": 1, "c": 1, "c": 1, "b": 1}', "The body")
    assert (
        rejection.value.message == "The body is not JSON: an object has the name 'b' twice."
    )


@pytest.mark.parametrize("header", ["bytes={}x", "bytes={}0", "bytes=0{}x", "bytes=0-{}x"])
def test_a_range_with_many_spaces_is_ignored(header: str) -> None:
    assert parse_range(header.format(" " * 2_000_000), 53) is None


def test_a_range_with_many_spaces_around_its_numbers_is_one() -> None:
    spaces = " " * 2_000_000
    header = f"bytes{spaces}={spaces}3{spaces}-{spaces}14"
    assert parse_range(header, 53) == (3, 15)


@pytest.mark.parametrize("space", [" ", "\t", "\u3000", "\u200b", " \u2060"])
def test_a_text_with_many_spaces_inside_is_trimmed_outside(space: str) -> None:
    inside = f"({space * 1_000_000})"
    assert trim(f" \ufeff{inside}\u00a0\n") == inside
    assert not is_blank(inside)


CHARSETS = ("charset=punycode", 'charset="punycode"', "charset=utf-8; charset=punycode")


@pytest.mark.parametrize("charset", CHARSETS)
async def test_a_form_in_a_slow_charset_is_read_as_utf_8(charset: str) -> None:
    text = "0" * 900_000
    head = '--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n'
    body = f"{head}{text}\r\n--x--\r\n".encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    content_type = f"multipart/form-data; boundary=x; {charset}".encode()
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", content_type)]}
    form = await read_form(Request(scope, receive), 1_000_000, lambda name, _: False)
    assert form.multi_items() == [("operations", text)]
