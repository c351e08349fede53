"""Blanks around the quoted cells of csv, which spreadsheet programs leave out or show.

The csv module rejects those behind a quotation mark, and takes a quotation mark behind blanks for a
part of the text, and the delimiters within for ends of cells.
"""

import re
from functools import cache
from typing import NamedTuple

_BLANKS = "".join(
    [" \t\u00a0\u1680\u202f\u205f\u2060\u3000\ufeff", *map(chr, range(0x2000, 0x200C))]
)
"""Those that text.trim takes away, but line ends."""


class _Patterns(NamedTuple):
    """Finds whether a text has such blanks, and the parts of a text that has."""

    suspicion: re.Pattern[str]
    part: re.Pattern[str]


@cache
def _patterns(delimiter: str) -> _Patterns:
    end = rf"[{re.escape(delimiter)}\r\n]"
    blank = f"[{re.escape(_BLANKS.replace(delimiter, ''))}]"
    return _Patterns(
        re.compile(rf'(?:\A|{end}){blank}++"|"{blank}++(?={end}|\Z)'),
        # A quoted cell with its blanks; cells that begin otherwise; one whose quotes do not match.
        re.compile(
            rf'{blank}*+("(?:[^"]|"")*+"){blank}*+(?={end}|\Z)'
            rf'|(?:(?!{blank}*+")[^\r\n{re.escape(delimiter)}]*+{end})++'
            rf"|{end}|[^\r\n{re.escape(delimiter)}]++"
        ),
    )


def strip_quoted_cells(text: str, delimiter: str) -> str:
    """Returns csv without the blanks around its quoted cells; lines and cells stay the same."""
    patterns = _patterns(delimiter)
    if not patterns.suspicion.search(text):
        return text
    return patterns.part.sub(lambda part: part[1] or part[0], text)
