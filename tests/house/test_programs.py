"""Programs beyond Python are found in one place, and each of them is in the list of CI."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import programs
from tests.support.processes import ROOT
from tests.support.programs import PACKAGES, Run, no_service, program


def looked_up(file: Path) -> Iterator[str]:
    """Yields the names that calls of `program` in a file spell out; any other is checked when it is called."""
    for node in ast.walk(ast.parse(file.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "program"
        ):
            if isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def test_each_program_of_the_tests_is_in_the_list_of_ci() -> None:
    files = [
        file
        for file in sorted((ROOT / "tests").rglob("*.py"))
        if file.stem not in ("programs", "test_programs")
    ]
    names = {name for file in files for name in looked_up(file)}
    assert "haproxy" in names
    assert names - PACKAGES.keys() == set()


def test_no_test_looks_for_a_program_by_itself() -> None:
    files = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "tests").rglob("*.py")
        if "shutil.which" in file.read_text()
    }
    # The deployment looks into the folders of an image; a cluster takes the newest of several versions.
    assert files == {
        "tests/support/deployment.py",
        "tests/support/postgres_cluster.py",
        "tests/support/programs.py",
        "tests/house/test_programs.py",
    }


@pytest.mark.parametrize(
    ("in_ci", "raised"), [(True, pytest.fail.Exception), (False, pytest.skip.Exception)]
)
def test_a_missing_program_or_service_is_named(
    monkeypatch: pytest.MonkeyPatch, in_ci: bool, raised: type[BaseException]
) -> None:
    monkeypatch.setattr(programs, "IN_CI", in_ci)
    monkeypatch.setattr(Run, "quick", False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(programs, "MORE_FOLDERS", "/nowhere")
    with pytest.raises(raised) as caught:
        program("javac")
    assert str(caught.value) == (
        "The program javac is not installed here (Debian: apt-get install default-jdk-headless)."
    )
    with pytest.raises(raised) as caught:
        no_service("Redis", "TEST_REDIS_URL", "redis://127.0.0.1:1/0")
    assert str(caught.value) == (
        "Redis does not answer at redis://127.0.0.1:1/0; set TEST_REDIS_URL to the address of another one."
    )


def test_a_quick_run_looks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "quick", True)
    with pytest.raises(pytest.skip.Exception) as caught:
        program("curl")
    assert str(caught.value) == "--quick runs no test that needs the program curl."
