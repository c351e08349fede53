"""Number formats: how a sheet shows a stored number or text.

Only forms that look the same in every country are rendered. A number in any other form keeps its
value, and no text that could be taken for a SKU.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from tasks.spreadsheets.cells import DATE, EXACT_DIGITS, RESHAPED, Cell, Number

GENERAL = "General"
_BUILT_IN = {
    **{1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00"},
    **{12: "# ?/?", 13: "# ??/??", 48: "##0.0E+0", 49: "@"},
    **dict.fromkeys((37, 38), "#,##0_);(#,##0)"),
    **dict.fromkeys((39, 40), "#,##0.00_);(#,##0.00)"),
    **{41: "_(* #,##0_)", 43: "_(* #,##0.00_)"},
    **dict.fromkeys((5, 6, 7, 8, 42, 44), '"$"#,##0.00'),
    **dict.fromkeys(
        (*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)), "yyyy-mm-dd"
    ),
    # Thai digits and dates.
    **dict.fromkeys((*range(59, 63), *range(67, 71)), "t0"),
    **dict.fromkeys(range(71, 82), "yyyy-mm-dd"),
}
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<space>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<general>general)|(?P<digit>[0#?])|(?P<sign>[.,%@/]|[eE][+-])"
    r"|(?P<letter>[A-Za-z])|(?P<literal>.)",
    re.IGNORECASE | re.DOTALL,
)
_COLOUR = re.compile(
    r"(black|blue|cyan|green|magenta|red|white|yellow|color ?\d+)", re.IGNORECASE
)
_CONDITION = re.compile(r"\[[<>=]")
_ELAPSED = re.compile(r"[hms]+", re.IGNORECASE)
_DATE_LETTERS = frozenset("ymdhsYMDHS")
_TEXT = frozenset({"@", "general"})
"""The types of the tokens that stand for the text of a cell."""


def find_built_in_code(number: int) -> str:
    """Returns the code of a number format that files name by its number alone."""
    return _BUILT_IN.get(number, GENERAL)


class FormatToken(NamedTuple):
    """A piece of a section: `digit`, `literal`, `@`, `,`, `.`, `date` or `other`, and its text."""

    type: str
    text: str


def _token_from_match(match: re.Match[str]) -> FormatToken | None:
    group = match.lastgroup or "literal"
    text = match[group]
    if group in ("quoted", "escaped", "literal"):
        return FormatToken("literal", text)
    if group == "space":
        return FormatToken("literal", " ")
    if group == "bracket":
        return _token_from_bracket(text)
    if group == "letter":
        return FormatToken("date" if text in _DATE_LETTERS else "other", text)
    if group == "sign":
        return FormatToken(text if text in ",.@" else "other", text)
    return None if group == "fill" else FormatToken(group, text)


def _token_from_bracket(text: str) -> FormatToken | None:
    if _COLOUR.fullmatch(text):
        return None
    return FormatToken("date" if _ELAPSED.fullmatch(text) else "other", text)


class Section:
    """One section of a format code, for numbers of one sign or for texts."""

    def __init__(self, tokens: list[FormatToken]) -> None:
        self.types = {token.type for token in tokens}
        self.tokens = tokens
        literals = "".join(token.text for token in tokens if token.type == "literal")
        self._literal = literals.strip()
        self._zeros = len(tokens) if all(token == ("digit", "0") for token in tokens) else 0

    def is_date(self) -> bool:
        """Tells whether the section shows a number as a date or a time."""
        return "date" in self.types

    def is_general(self) -> bool:
        """Tells whether the section is General and adds nothing to it."""
        return (
            self.types <= {"general", "literal"}
            and "general" in self.types
            and not self._literal
        )

    def is_plain(self) -> bool:
        """Tells whether the section shows a whole number, and nothing else."""
        is_number = "digit" in self.types and self.types <= {"digit", "literal", ",", "."}
        return is_number and not self._literal and not self._is_scaled()

    def _is_scaled(self) -> bool:
        """A comma with no whole digit behind it divides the number by a thousand."""
        signs = "".join(token.type[0] for token in self.tokens if token.type != "literal")
        whole, _, fraction = signs.partition(".")
        return whole.endswith(",") or "," in fraction

    def show_number(self, value: int) -> str | None:
        """Returns the text of a whole number; None unless it is made of digits and literals."""
        if self._zeros:
            return str(value).zfill(self._zeros)
        digits_left = sum(token.type == "digit" for token in self.tokens)
        if not digits_left or not self.types <= {"digit", "literal"}:
            return None
        digits = str(value) if value else ""
        shown = ""
        for token in reversed(self.tokens):
            is_last = token.type == "digit" and digits_left == 1
            digits_left -= token.type == "digit"
            piece, digits = _render_token(token, digits, is_last=is_last)
            shown = piece + shown
        return shown.strip()

    def show_text(self, text: str) -> Cell:
        """Returns the text that a cell with this section for texts shows, if all programs agree."""
        if not self.types <= {*_TEXT, "literal"}:
            return RESHAPED
        pieces = [text if token.type in _TEXT else token.text for token in self.tokens]
        is_alone = sum(token.type in _TEXT for token in self.tokens) == 1
        return text if is_alone and not self._literal else "".join(pieces)


def _render_token(token: FormatToken, digits: str, *, is_last: bool) -> tuple[str, str]:
    """Returns the text that stands for a token, and the digits that are left for those before."""
    if token.type == "literal":
        return token.text, digits
    if is_last and digits:
        return digits, ""
    if digits:
        return digits[-1], digits[:-1]
    return {"0": "0", "?": " "}.get(token.text, ""), digits


class NumberFormat:
    """A number format, as it applies to the cells that have it."""

    def __init__(self, code: str) -> None:
        self.code = code
        sections = [Section(tokens) for tokens in _parse_sections(code)]
        self._is_conditional = _CONDITION.search(code) is not None
        has_text_section = "@" in sections[-1].types or len(sections) > 3
        self._text = sections.pop() if has_text_section else None
        # With a section for texts alone, numbers are shown as texts are.
        self._numbers = sections or [Section([*_generalize(self._text)])]
        is_simple = self._text is None or code == "@"
        self.is_general = is_simple and len(sections) < 2 and self._numbers[0].is_general()

    def show_text(self, text: str) -> Cell:
        """Returns the text that a cell holding `text` shows; an empty one where it is hidden."""
        return text if self._text is None else self._text.show_text(text)

    def show_number(self, value: int | float) -> Cell:
        """Returns the cell that a sheet shows for a number."""
        section = self._choose_section(value)
        if section.is_date():
            return DATE
        is_known = value >= 0 and not self._is_conditional
        if is_known and section.is_general():
            return value
        shown = self._show_whole_number(section, value) if is_known else None
        return Number(value, shown, is_known and section.is_plain(), self.code)

    def _show_whole_number(self, section: Section, value: int | float) -> str | None:
        is_exact = isinstance(value, int) and value < 10**EXACT_DIGITS
        return section.show_number(int(value)) if is_exact else None

    def _choose_section(self, value: int | float) -> Section:
        # The sections are for positive numbers, negative ones, zero and texts, in this order.
        index = 0
        if value < 0:
            index = 1
        elif value == 0:
            index = 2
        return self._numbers[index] if index < len(self._numbers) else self._numbers[0]


def _generalize(section: Section | None) -> Iterator[FormatToken]:
    for token in section.tokens if section else ():
        yield FormatToken("general", "") if token.type == "@" else token


def _parse_sections(code: str) -> list[list[FormatToken]]:
    sections: list[list[FormatToken]] = [[]]
    for match in _TOKEN.finditer(code):
        if match.lastgroup == "literal" and match[0] == ";":
            sections.append([])
        elif token := _token_from_match(match):
            sections[-1].append(token)
    return sections


@lru_cache(1_000)
def parse_number_format(code: str) -> NumberFormat | None:
    """Returns the number format of a code; None for General, which shows cells as they are."""
    # A hostile file may have codes of megabytes.
    format = NumberFormat(code[:1_000] or GENERAL)
    return None if format.is_general else format
