"""The page about people: each of its commands, run as it is printed, from its first to its last."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import Commands
from tests.support.databases import sqlite_database
from tests.support.pages import blocks, shell_block

PAGE = "docs/people.md"
PROGRAM = ["python", "server.py"]


def commands(block: str) -> Iterator[list[str]]:
    """Yields the words of each command of a block."""
    for command in block.replace("\\\n", " ").splitlines():
        words = shlex.split(command)
        assert words[:2] == PROGRAM, command
        yield words[2:]


def run_block(line: Commands, block: str) -> list[str]:
    """Runs the commands of a block, each of which must succeed; returns their outputs."""
    return [line.accepted(*words) for words in commands(block)]


def test_each_printed_command_succeeds_in_the_order_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The page names files without a folder.
    monkeypatch.chdir(tmp_path)
    line = Commands(sqlite_database(tmp_path))
    printed = (
        shell_block("docs/people.md", "division add"),
        shell_block("docs/people.md", "user show"),
        shell_block("docs/people.md", "directory export"),
        shell_block("docs/people.md", "token revoke --all"),
        shell_block("docs/people.md", "user bind"),
        shell_block("docs/people.md", "user list --json"),
        shell_block("docs/people.md", "audit --user"),
        shell_block("docs/people.md", "audit --baskets"),
        # Printed above the other uses of her, who is gone afterwards.
        shell_block("docs/people.md", "user erase"),
    )
    run = [run_block(line, block) for block in printed]
    assert len(run) == len([block for block in blocks(PAGE, "sh") if "server.py" in block])
    assert run[0][5].splitlines() == [
        "ERP01  Anadolu Market",
        "  ERP02  Anadolu Market Ankara",
    ]
    assert run[0][6] == "anna@example.com  Anna Ak  ERP02"
    assert len(run[6][0].splitlines()) == 11
    assert run[1][0].splitlines()[-1] == (
        "They cannot buy: they have no token and no account at an identity provider "
        "(`token issue`)."
    )
    exported, erased = run[8]
    assert json.loads(exported)["profile"]["email"] == "anna@example.com"
    assert erased.startswith("Erased user 1.\nDeleted: the profile, 0 baskets, 0 tokens, ")
