"""The measures of `scripts/readability`, on code of the test's own and on the server's."""

from pathlib import Path

import pytest

from scripts.code_readability import count
from settings import ROOT

ONE = '''"""Tells what a module is."""


def first(flag: bool) -> int:
    """Returns 1, 2 or 3."""
    # A comment.
    return 1 if flag else (2 if not flag else 3)
'''
TWO = f'''"""Another module."""


def first() -> str:
    return "{"x" * 100}"  # A comment after code.
'''


def test_each_measure_counts_what_it_names(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text(ONE)
    two.write_text(TWO)
    counts = count([str(tmp_path)])
    assert counts.nested_conditions == [f"{one}:7"]
    assert counts.long_code == [f"{two}:5"]
    assert counts.names_in_two_modules == [f"first: {one}, {two}"]
    assert (counts.docstring_words, counts.relative_words) == (12, 1)
    assert (counts.lines, counts.code_lines, counts.comments) == (12, 4, 2)
    assert len(counts.exceeded()) == 6


def test_the_code_is_within_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    counts = count()
    assert counts.exceeded() == [], "\n".join(counts.details())
