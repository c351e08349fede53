"""The documentation as a whole: every block of commands is run, every link leads somewhere."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import application
from commands.parser import create_parser
from settings import ROOT
from tests.support.pages import blocks, page_text, pages

NOT_RUN = {
    ("README.md", "scripts/test"): "it runs this test",
    ("docs/contributing.md", "scripts/check"): (
        "they run this test, take minutes or need an index; tests/benchmark, "
        "tests/soak and tests/house run their parts"
    ),
    ("docs/deployment/README.md", "apt-get install"): (
        "it changes the machine; .ci/run installs the same packages, and "
        "tests/support/private_systemd.sh adds the same user"
    ),
    ("docs/deployment/README.md", "docker compose up"): "no container engine was at hand",
    ("docs/deployment/process-managers.md", "gunicorn server"): (
        "gunicorn is not a dependency; it was tried by hand in the versions that the page names"
    ),
    ("docs/deployment/process-managers.md", "granian server"): (
        "granian is not a dependency; it was tried by hand in the version that the page names"
    ),
}
"""The blocks of commands that no test runs, by page and a part of their text, with the reason."""

README_LINES = 150
TEXT_CHARACTERS = 100


def names() -> list[str]:
    """Returns the paths of all pages in the repository."""
    return [str(page.relative_to(ROOT)) for page in pages()]


def run_blocks() -> set[tuple[str, str]]:
    """Returns page and part of every call of `shell_block` in the tests."""
    calls = [
        node
        for file in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "shell_block"
    ]
    return {
        (ast.literal_eval(call.args[0]), ast.literal_eval(call.args[1])) for call in calls
    }


def test_every_block_of_commands_is_run_or_says_why_not() -> None:
    known = run_blocks() | NOT_RUN.keys()
    printed = [(page, block) for page in names() for block in blocks(page, "sh")]
    assert len(printed) > 15
    unknown = [
        (page, block)
        for page, block in printed
        if not any(page == known_page and part in block for known_page, part in known)
    ]
    assert unknown == []


def test_every_reason_belongs_to_one_block() -> None:
    for page, part in NOT_RUN:
        assert len([block for block in blocks(page, "sh") if part in block]) == 1, part
    assert NOT_RUN.keys() & run_blocks() == set()


def anchors(page: Path) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("name", [*names(), "CHANGELOG.md"])
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", page_text(name)):
        path, _, anchor = target.partition("#")
        page = (ROOT / name).parent / path if path else ROOT / name
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), target


@pytest.mark.parametrize("name", [*names(), "CHANGELOG.md"])
def test_every_file_that_is_named_exists(name: str) -> None:
    for path in re.findall(
        r"`(\w[\w./-]*/[\w.-]+\.(?:py|sql|md|json|txt|graphql))`", page_text(name)
    ):
        if path.startswith("var/"):
            continue  # A command writes it, and it is not committed.
        is_there = (ROOT / path).exists() or (ROOT / name).parent.joinpath(path).exists()
        assert is_there, path


def text_lines(page: str) -> Iterator[str]:
    """Yields the lines of a page outside of blocks and tables."""
    in_block = False
    for line in page_text(page).splitlines():
        in_block ^= line.startswith("```")
        if not in_block and not line.startswith("|"):
            yield line


@pytest.mark.parametrize("name", [*names(), "CHANGELOG.md"])
def test_lines_of_text_are_short(name: str) -> None:
    assert [line for line in text_lines(name) if len(line) > TEXT_CHARACTERS] == []


def test_the_map_of_readme_is_the_tree() -> None:
    (drawing,) = blocks("README.md", "")
    missing = []
    for line in drawing.splitlines():
        folder = line.split()[0]
        for name in re.findall(r"(?<!\S)[\w/]+(?:/|\.py)(?=[\s,;]|$)", line):
            if not ((ROOT / name).exists() or (ROOT / folder / name).exists()):
                missing.append(name)
    assert missing == []
    tracked = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert {name for name in tracked if f"{name}/" not in drawing} == set()
    assert {file.name for file in ROOT.glob("*.py") if file.name not in drawing} == set()


def test_readme_is_short() -> None:
    assert len(page_text("README.md").splitlines()) <= README_LINES


def test_every_metric_is_documented() -> None:
    text = page_text("docs/monitoring.md")
    assert application
    families = [each for each in REGISTRY.collect() if each.name.startswith("basket_")]
    assert len(families) > 10
    lacking = [
        each.name
        for each in families
        if f"`{each.name}{'_total' if each.type == 'counter' else ''}`" not in text
    ]
    assert lacking == []


def server_commands(page: str) -> Iterator[list[str]]:
    """Yields the words after each `server.py` of a page."""
    for text in re.findall(r"(?:python |`)server\.py ([^\n`>#&]*)", page_text(page)):
        yield shlex.split(text)


def test_every_command_of_the_server_is_one_that_it_has() -> None:
    commands = [words for name in names() for words in server_commands(name)]
    assert ["migrate", "--check"] in commands
    for words in commands:
        if words != ["$@"]:
            create_parser().parse_args(words)
