"""The one rule for texts: allowed characters, length, and when a text is blank.

A text is accepted when all its characters are ones that people write: letters of any script with
their joiners, marks that direct or separate them, spaces of any width, emoji of several parts.
Control characters, line separators, lone surrogates and the code points that Unicode keeps free of
characters are rejected: databases, files or terminals choke on them. A text that shows nothing is
blank, also when it is made of invisible characters.
"""

import re
import unicodedata

MAXIMUM_LENGTH = 255
"""The highest number of characters of a text: a name, a SKU, an ERP code, a key."""

_NONCHARACTERS = r"\ufdd0-\ufdef\ufffe\uffff" + "".join(
    rf"\U{plane:04x}fffe\U{plane:04x}ffff"  # the last two code points of each plane
    for plane in range(1, 17)
)
_REJECTED = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_NONCHARACTERS}]")
_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
"""Every white space, and those of no width: they come along when a cell or a page is copied."""
_INVISIBLE_CATEGORIES = frozenset({"Zs", "Cf"})
# Unicode counts these fillers and selectors among letters, marks and symbols; they show nothing.
_FILLERS = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]"
    r"|[\U000e0100-\U000e01ef]"
)


def find_flaw(text: str, maximum: int = MAXIMUM_LENGTH) -> str | None:
    """Returns the reason against a text, to follow its name; None when the text is accepted.

    A blank text has no flaw: only its reader knows whether it may be left out.
    """
    if len(text) > maximum:
        return f"has {len(text)} characters; at most {maximum} are allowed"
    rejected = _REJECTED.search(text)
    if rejected is None:
        return None
    return f"has the character U+{ord(rejected[0]):04X}, which is not allowed"


def is_blank(text: str) -> bool:
    """Tells whether a text shows nothing: it is empty, or all its characters are invisible."""
    first = text[:1]
    is_visible = first.isascii() and first.isalnum()
    return not is_visible and all(map(_is_invisible, trim(text)))


def _is_invisible(character: str) -> bool:
    if unicodedata.category(character) in _INVISIBLE_CATEGORIES:
        return True
    return _FILLERS.match(character) is not None


def trim(text: str) -> str:
    """Returns a text without the spaces around it."""
    # Almost every text begins and ends with a letter or digit; this test is faster.
    if text[:1].isalnum() and text[-1:].isalnum():
        return text
    return text.strip(_SPACE)


def remove_rejected(text: str) -> str:
    """Returns a text without its rejected characters; a line break becomes a space."""
    return _REJECTED.sub(_replacement, text)


def _replacement(rejected: re.Match[str]) -> str:
    return " " if rejected[0].isspace() else ""


def quote(text: str, maximum: int = 100) -> str:
    """Returns a text for a message: quoted, truncated, with invisible characters escaped."""
    cut = text if len(text) <= maximum else f"{text[:maximum]}…"
    return f"'{''.join(map(_escape, cut))}'"


def _escape(character: str) -> str:
    # A space is seen between other characters; the other invisible ones are not.
    is_unseen = character != " " and _is_invisible(character)
    if is_unseen or _REJECTED.match(character):
        return f"\\u{ord(character):04x}"
    return character
