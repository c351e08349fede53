"""The commands of trusted documents: manifests of three tools, and a new schema."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from models.database.connection import connect, disconnect
from models.document import add_documents
from tests.support.command_line import Commands

VIEWER = "query Viewer { viewer { email } }"
TWO = "query A { viewer { id } } mutation B { basketClear(input: {}) { basket { id } } }"
SHA256 = hashlib.sha256(VIEWER.encode()).hexdigest()
SHA1 = hashlib.sha1(VIEWER.encode()).hexdigest()  # noqa: S324
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": SHA256, "name": "Viewer", "type": "query", "body": VIEWER}],
}


@pytest.fixture
def line(database_url: str) -> Commands:
    """The command line on an empty database."""
    return Commands(database_url)


def write(folder: Path, content: Any, name: str = "manifest.json") -> str:
    """Writes a manifest, and returns its path."""
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def listed(line: Commands) -> list[list[str]]:
    """Returns the ids and operations that `list` prints."""
    return [row.split("  ")[:2] for row in line.accepted("documents", "list").splitlines()]


def test_manifests_of_several_releases_are_stored_side_by_side(
    line: Commands, tmp_path: Path
) -> None:
    first = write(tmp_path, {SHA1: VIEWER, f"sha256:{SHA256}": VIEWER}, "1.json")
    second = write(tmp_path, {SHA1: VIEWER, "two": TWO}, "2.json")
    apollo = write(tmp_path, APOLLO, "apollo.json")
    added = line.accepted("documents", "add", first)
    assert added == "Added 2 documents; 0 were there already."
    added = line.accepted("documents", "add", second, apollo)
    assert added == "Added 2 documents; 1 were there already."
    rows = [
        [SHA1, "query Viewer"],
        [SHA256, "query Viewer"],
        [f"sha256:{SHA256}", "query Viewer"],
        ["two", "query A, mutation B"],
    ]
    assert sorted(listed(line)) == sorted(rows)
    checked = line.accepted("documents", "check")
    assert checked == "Checked 4 documents: 0 are not valid."
    assert json.loads(line.accepted("documents", "check", "--json")) == {
        "checked": 4,
        "broken": {},
    }
    removed = line.accepted("documents", "remove", first, "--keep", second)
    assert removed == "Removed 1 documents."
    assert sorted(listed(line)) == sorted(row for row in rows if row[0][:7] != "sha256:")
    audited = json.loads(line.accepted("audit", "--json"))
    assert [(each["action"], each["before"], each["after"]) for each in audited] == [
        ("DOCUMENTS_REMOVED", {"ids": [f"sha256:{SHA256}"]}, None),
        ("DOCUMENTS_ADDED", None, {"ids": ["two", SHA256]}),
        ("DOCUMENTS_ADDED", None, {"ids": [SHA1, f"sha256:{SHA256}"]}),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "The manifest is not JSON"),
        ('{"a": "{ viewer { id } }", "a": "x"}', "an object has the name 'a' twice"),
        ([], "The manifest is not a JSON object."),
        ({"a": 1}, "The entry 'a' is no id with a text."),
        ({"": VIEWER}, "The id '' is not 1 to 255 ASCII letters, digits and signs."),
        ({" a": VIEWER}, "The id ' a' is not 1 to 255 ASCII letters"),
        ({"a" * 256: VIEWER}, f"The id '{'a' * 100}' is not 1 to 255 ASCII letters"),
        ({f"sha256:{SHA1}": VIEWER}, f"is not the hash of its text, {SHA256}."),
        (APOLLO | {"version": 2}, "'apollo-persisted-query-manifest' in version 2"),
        (APOLLO | {"operations": [{"id": "a"}]}, "The entry 'a' is no id with a text."),
        (APOLLO | {"operations": ["a"]}, "The entry None is no id with a text."),
    ],
)
def test_a_manifest_that_cannot_be_read_is_rejected(
    content: Any, reason: str, tmp_path: Path
) -> None:
    path = write(tmp_path, content)
    line = Commands("sqlite:///nowhere/basket.sqlite3")
    status, output, errors = line.run("documents", "check", path)
    assert (status, output) == (2, "")
    assert errors.startswith(path)
    assert reason in errors


def test_what_cannot_be_executed_or_has_another_text_is_not_added(
    line: Commands, tmp_path: Path
) -> None:
    assert line.accepted("documents", "add", write(tmp_path, {"a": VIEWER}))
    for content, reason in (
        ({"b": TWO, "a": VIEWER + " "}, "the first is 'a'"),
        ({"b": TWO, "c": "{ viewer { shoeSize } }"}, "c: Cannot query field 'shoeSize'"),
        ({"b": TWO, "c": "{ viewer"}, "c: Syntax Error"),
        ({"b": TWO, "c": "fragment F on Viewer { id }"}, 'c: Fragment "F" is never used.'),
        ({"b": TWO, "c": "{ viewer { email } " * 60 + "}"}, "c: "),
    ):
        path = write(tmp_path, content)
        status, output, errors = line.run("documents", "add", path)
        assert (status, output) == (2, "")
        assert reason.replace('"', "'") in errors
        assert "othing was added" in errors
        assert [row[0] for row in listed(line)] == ["a"]
    twice = write(tmp_path, {"a": TWO}, "other.json")
    errors = line.rejected("documents", "add", write(tmp_path, {"a": VIEWER}), twice)
    assert errors == f"{twice}: the id 'a' stands for two texts."
    assert "cannot be read" in line.rejected("documents", "add", str(tmp_path / "none"))


async def store(database_url: str, texts: dict[str, str]) -> None:
    """Stores documents, as a release with another schema has done."""
    await connect(database_url, 1)
    try:
        await add_documents(texts)
    finally:
        await disconnect()


def test_a_check_tells_which_documents_a_schema_rejects(
    line: Commands, database_url: str, tmp_path: Path
) -> None:
    texts = {"old": "{ viewer { shoeSize } }", "a": VIEWER}
    asyncio.run(store(database_url, texts))
    for more in ([], [write(tmp_path, texts)]):
        status, output, errors = line.run("documents", "check", *more)
        assert (status, errors) == (1, "")
        assert output.splitlines() == [
            "old: Cannot query field 'shoeSize' on type 'Viewer'.",
            "Checked 2 documents: 1 are not valid.",
        ]
