"""`--json`: every command that ends prints one document, and the same status as without it."""

import json
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

from commands.parser import create_parser
from settings import ROOT
from tests.house.test_architecture import parsers_of
from tests.support.command_line import CommandLine, Commands
from tests.support.databases import sqlite_database


def takes_json(parser: ArgumentParser) -> bool:
    """Returns whether a command has the option."""
    return any("--json" in action.option_strings for action in parser._actions)


def test_all_commands_take_json_but_those_that_run_on() -> None:
    leaves = [each for each in parsers_of(create_parser()) if each._defaults]
    without = {
        each.prog.removeprefix("server.py ") for each in leaves if not takes_json(each)
    }
    # The first one is the server, which is started without a word.
    assert without == {"server.py", "serve", "work"}


def test_each_result_is_one_document(tmp_path: Path, database_url: str) -> None:
    line = Commands(database_url)
    add = ["user", "add", "--first-name", "A", "--last-name", "B", "--division", "A"]
    files = [str(tmp_path / name) for name in ("divisions.csv", "users.csv")]
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"a": "{ viewer { id } }"}')
    commands: list[tuple[list[str], type]] = [
        (["migrate"], dict),
        (["migrate", "--check"], dict),
        (["check-settings", "--for", "command"], dict),
        (["division", "add", "--erp-code", "A", "--name", "A"], dict),
        (["division", "list"], list),
        (["division", "deactivate", "A"], dict),
        (["division", "activate", "A"], dict),
        (["division", "show", "A"], dict),
        ([*add, "--email", "a@x.com"], dict),
        (["user", "list"], list),
        (["user", "deactivate", "a@x.com"], dict),
        (["user", "activate", "a@x.com"], dict),
        (["token", "issue", "a@x.com"], dict),
        (["token", "list", "a@x.com"], list),
        (["token", "revoke", "1"], dict),
        (["user", "show", "a@x.com"], dict),
        (["directory", "export", *files], dict),
        (["directory", "import", *files], dict),
        (["documents", "add", str(manifest)], dict),
        (["documents", "list"], list),
        (["documents", "check"], dict),
        (["documents", "remove", str(manifest)], dict),
        (["audit"], list),
        (["audit", "--baskets"], list),
        (["check"], dict),
        (["user", "export", "a@x.com"], dict),
        (["user", "erase", "a@x.com"], dict),
    ]
    for words, kind in commands:
        assert type(json.loads(line.accepted(*words, "--json"))) is kind, words
    assert line.rejected("user", "show", "a@x.com", "--json").startswith("There is no user")


def test_the_demo_prints_its_tokens(tmp_path: Path) -> None:
    line = Commands(sqlite_database(tmp_path))
    assert json.loads(line.accepted("demo", "--json")) == {
        "tokens": ["demo-main", "demo-sub"]
    }
    actions = [entry["action"] for entry in json.loads(line.accepted("audit", "--json"))]
    assert len(actions) == 7 + 2 + 2


def test_a_command_that_nobody_reads_on_ends_quietly(tmp_path: Path) -> None:
    line = CommandLine(sqlite_database(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "server.py", "audit", "--json"],
        cwd=ROOT,
        env=line.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait()) == (b"", 1)
    process.stderr.close()
