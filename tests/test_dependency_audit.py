"""The part of the audit that needs no network."""

from importlib.metadata import version
from pathlib import Path

import pytest

from scripts.dependency_audit import pins_of, strangers
from settings import ROOT

HASH = f"--hash=sha256:{'0' * 64}"


def test_every_requirement_is_pinned_and_hashed_and_installed_as_pinned() -> None:
    pins = pins_of(ROOT / "requirements" / "test.txt")
    assert len(pins) > 90
    assert pins["starlette"] == {version("starlette")}
    assert strangers(pins) == []


@pytest.mark.parametrize("line", ["some>=1.0", "some", "some==1.0", f"some>=1.0 {HASH}", "git+https://x.invalid/some"])
def test_what_is_not_pinned_and_hashed_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / "serve.txt"
    file.write_text(f"other==2.0 \\\n    {HASH}\n    # via some\n{line}\n")
    with pytest.raises(ValueError, match="is not pinned to one version with hashes"):
        pins_of(file)


def test_what_is_installed_in_another_version_is_named() -> None:
    installed = version("starlette")
    assert strangers({"starlette": {"0.1"}}) == [f"starlette is installed as {installed} and pinned as ['0.1']."]
