"""Files made to do harm: each ends as a clear rejection, or is read right, within bounds of memory and time."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.spreadsheets.reading import SpreadsheetReader
from tasks.spreadsheets.rejection import SpreadsheetRejected
from tasks.spreadsheets.sheet import SpreadsheetLimits
from tasks.spreadsheets.xml_reading import XmlReader, read_elements
from tests.support.measured_reading import MeasuringProcess, measuring_process
from tests.support.odd_files import BOUNDED, FAR, READ
from tests.support.rejected_files import REJECTED
from tests.support.waiting import TIMEOUT_SECONDS

SLOW_MACHINE = SpreadsheetLimits(
    file_bytes=20_000_000, cpu_seconds=60, wall_seconds=TIMEOUT_SECONDS
)
"""Limits that reject a file for what is in it, and not for how long a busy machine takes."""


@pytest.fixture(scope="module")
def measuring() -> Iterator[MeasuringProcess]:
    """The process that reads the files."""
    with measuring_process() as process:
        yield process


@pytest.mark.parametrize("name", REJECTED)
def test_a_hostile_file_is_rejected_within_bounds(
    measuring: MeasuringProcess, name: str, tmp_path: Path
) -> None:
    make, code, message = REJECTED[name]
    path = tmp_path / "upload"
    path.write_bytes(make())
    reading = measuring.read(path)
    assert reading.rejection
    reading.check_bounds()
    if "takes more" in reading.message:
        # For the work that it makes here, and not for what is in it.
        reading = measuring.read(path, SLOW_MACHINE)
    assert reading.rejection == code
    assert re.search(message, reading.message)


@pytest.mark.parametrize("name", READ)
def test_an_odd_file_is_read_within_bounds(
    measuring: MeasuringProcess, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(READ[name]())
    reading = measuring.read(path)
    assert (reading.rejection, reading.rows_read) == ("", 1)
    reading.check_bounds()


@pytest.mark.parametrize("name", BOUNDED)
def test_a_file_of_millions_of_parts_is_read_or_rejected_within_bounds(
    measuring: MeasuringProcess, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(BOUNDED[name]())
    reading = measuring.read(path)
    assert (reading.rejection, reading.rows_read) in (("", 1), ("FILE_TOO_LARGE", 0))
    reading.check_bounds()


@pytest.mark.parametrize("name", FAR)
def test_a_far_cell_is_a_row_without_the_columns_that_count(
    measuring: MeasuringProcess, name: str, tmp_path: Path
) -> None:
    make, row = FAR[name]
    path = tmp_path / "upload"
    path.write_bytes(make())
    reading = measuring.read(path)
    assert reading.errors == [
        [row, "INVALID_INPUT"],
        [row, "INVALID_QUANTITY"],
        [row, "INVALID_INPUT"],
    ]
    reading.check_bounds()


async def test_a_file_over_the_limit_is_not_read_at_all(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"x" * 10_000_001)
    with pytest.raises(
        SpreadsheetRejected,
        match="The file has 10000001 bytes; at most 10000000 are allowed",
    ):
        await SpreadsheetReader().read(path, SpreadsheetLimits())


@pytest.mark.parametrize("content", [b"<!--%s-->", b"<b c='%s'/>", b"<b>%s</b>"])
def test_the_time_to_read_xml_grows_with_its_length_and_not_with_its_square(
    content: bytes,
) -> None:
    # Read anew with each piece, it would take hours.
    text = b"<a>" + content % (b"x" * 30_000_000) + b"</a>"
    pieces = (text[first : first + 100] for first in range(0, len(text), 100))
    names: list[str] = []
    read_elements(pieces, "part", lambda name, _: names.append(name))
    assert names == (["a"] if content.startswith(b"<!") else ["a", "b"])


@given(st.lists(st.integers(0, 12), min_size=1))
def test_pieces_of_any_length_are_read_alike(lengths: list[int]) -> None:
    content = b"<a b='cde'>fgh<!-- ijk --><l m='n'>opq</l></a>"
    pieces, first = [], 0
    for length in lengths:
        pieces.append(content[first : first + length])
        first += length
    texts: list[str] = []
    elements: list[object] = []
    reader = XmlReader(
        lambda name, attributes: elements.append((name, attributes)),
        elements.append,
        texts.append,
    )
    assert list(reader.read([*pieces, content[first:]], "part"))[-1] is None
    assert ("".join(texts), elements) == (
        "fghopq",
        [("a", {"b": "cde"}), ("l", {"m": "n"}), "l", "a"],
    )
