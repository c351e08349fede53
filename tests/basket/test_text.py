"""The rule for text, by itself."""

import pytest

from text import find_flaw, is_blank, quote, remove_rejected, trim

ACCEPTED = [
    "SKU01",
    "می\u200cخواهم",
    "क्\u200dष",
    "prix\u00a0: 12\u202f€",
    "👨\u200d👩\u200d👧\u200d👦",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "☎\ufe0f",
    "שלום\u200f 7",
    "soft\u00adhyphen",
    "İstanbul ığüşöç",
    "u\u0308 decomposed",
    "\U0002a6d6",
    "\U0001fae8",
    "\ue000",
    "\ufffd",
    "a" * 255,
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_text_that_people_write_is_accepted(text: str) -> None:
    assert (find_flaw(text), is_blank(text)) == (None, False)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\0", "U+0000"),
        ("\x1b[31m", "U+001B"),
        ("a\tb", "U+0009"),
        ("a\nb", "U+000A"),
        ("a\x7f", "U+007F"),
        ("a\x85b", "U+0085"),
        ("a\x9f", "U+009F"),
        ("a\u2028b", "U+2028"),
        ("a\u2029b", "U+2029"),
        ("\ud83d", "U+D83D"),
        ("\udc00", "U+DC00"),
        ("\ufdd0", "U+FDD0"),
        ("\ufffe", "U+FFFE"),
        ("\uffff", "U+FFFF"),
        ("\U0001fffe", "U+1FFFE"),
        ("\U0010ffff", "U+10FFFF"),
    ],
)
def test_a_rejected_character_is_named(text: str, code: str) -> None:
    assert find_flaw(text) == f"has the character {code}, which is not allowed"


def test_a_text_has_at_most_255_characters() -> None:
    assert find_flaw("ş" * 256) == "has 256 characters; at most 255 are allowed"
    assert find_flaw("ş" * 256, maximum=300) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\t\n",
        "\u00a0",
        "\u3000\u2003",
        "\u200b",
        "\u200c\u200d",
        "\ufeff",
        "\u2060",
    ]
    + [
        "\u00ad",
        "\ufe0f",
        "\u034f",
        "\u3164",
        "\uffa0",
        "\u115f\u1160",
        "\u2800",
        "\u202e",
    ],
)
def test_a_text_of_invisible_characters_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", " a", "0", ".", "\u200c.", "ا", "👍", "\u0301"])
def test_a_text_with_a_visible_character_is_not_blank(text: str) -> None:
    assert not is_blank(text)


def test_outer_spaces_of_every_width_are_trimmed_and_inner_ones_stay() -> None:
    outer = " \t\r\n\u00a0\u1680\u2003\u200b\u202f\u205f\u2060\u3000\ufeff"
    assert trim(f"{outer}a \u00a0 b{outer}") == "a \u00a0 b"
    assert trim(outer) == ""
    assert trim("\u200cمی\u200d") == "\u200cمی\u200d"


def test_the_time_to_trim_a_text_grows_with_its_length_and_not_with_its_square() -> None:
    # A search for spaces at the end that begins anew at each inner one would take an hour.
    inner = "\u00a0 " * 500_000
    assert trim(f"\u200b.{inner}. ") == f".{inner}."


def test_rejected_characters_are_taken_out_and_line_breaks_leave_a_space() -> None:
    assert remove_rejected("a\0b\ud800c\r\nd\u2028e\x07") == "abc  d e"


def test_a_text_is_shown_with_its_invisible_characters() -> None:
    assert quote("a b\u00a0\u200b\x07\ud800") == r"'a b\u00a0\u200b\u0007\ud800'"
    assert quote("x" * 101) == f"'{'x' * 100}…'"
