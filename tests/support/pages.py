"""The documentation's blocks, taken from the pages as they are printed, for tests that run them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from settings import ROOT

_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Returns all pages of the documentation."""
    return [
        ROOT / "README.md",
        ROOT / "SECURITY.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


def page_text(page: str) -> str:
    """Returns the text of a page, named by its path in the repository."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> Iterator[str]:
    """Yields the blocks of a page in a language."""
    for info, text in _BLOCK.findall(page_text(page)):
        if info == language:
            yield text


def shell_block(page: str, part: str) -> str:
    """Returns the one block of commands of a page that contains a text.

    `tests/house/test_documentation.py` reads these calls to see that every block is run.
    """
    (block,) = [text for text in blocks(page, "sh") if part in text]
    return block


def json_after(page: str, block: str) -> Any:
    """Returns the JSON value of the block that follows a block of commands."""
    rest = page_text(page).partition(f"```sh\n{block}```\n")[2]
    (text,) = re.findall(r"\A\s*```json\n(.*?)^```$", rest, re.MULTILINE | re.DOTALL)
    return json.loads(text)


def with_values(block: str, **values: str) -> str:
    """Replaces the values of variables that a block exports; raises ValueError for one it lacks."""
    for name, value in values.items():
        block, count = re.subn(rf"(?<=\b{name}=)\S+", value.replace("\\", r"\\"), block)
        if count != 1:
            raise ValueError(f"The block exports {name} {count} times.")
    return block
