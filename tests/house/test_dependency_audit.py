"""The part of the audit that needs no network."""

import json
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from scripts.dependency_audit import find_mismatches, read_pins, write_bill_of_materials
from settings import ROOT

HASH = f"--hash=sha256:{'0' * 64}"


def test_every_requirement_is_pinned_and_hashed_and_installed_as_pinned() -> None:
    pins = read_pins(ROOT / "requirements" / "test.txt")
    assert len(pins) > 90
    assert pins["starlette"] == {version("starlette")}
    assert find_mismatches(pins) == []


def test_a_server_has_the_versions_that_the_tests_run_with() -> None:
    tested = read_pins(ROOT / "requirements" / "test.txt")
    served = read_pins(ROOT / "requirements" / "serve.txt")
    assert served == {name: tested[name] for name in served}


@pytest.mark.parametrize(
    "line",
    ["some>=1.0", "some", "some==1.0", f"some>=1.0 {HASH}", "git+https://x.invalid/some"],
)
def test_what_is_not_pinned_and_hashed_is_rejected(line: str, tmp_path: Path) -> None:
    file = tmp_path / "serve.txt"
    file.write_text(f"other==2.0 \\\n    {HASH}\n    # via some\n{line}\n")
    with pytest.raises(ValueError, match="is not pinned to one version with hashes"):
        read_pins(file)


def test_what_is_installed_in_another_version_is_named() -> None:
    installed = version("starlette")
    assert find_mismatches({"starlette": {"0.1"}}) == [
        f"starlette is installed as {installed} and pinned as ['0.1']."
    ]


def requested_names() -> set[str]:
    """Returns the names of all packages that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    return {
        re.split(r"[\[>=<;]", requirement)[0] for names in lists for requirement in names
    }


def test_every_requested_package_has_a_row_in_the_documentation() -> None:
    rows = re.findall(
        r"^\| ([\w.-]+) \|(?: [^|]+ \|){4}$",
        (ROOT / "docs" / "dependencies.md").read_text(),
        re.MULTILINE,
    )
    assert sorted(set(rows) - {"Package"}) == sorted(requested_names())


def test_the_bill_of_materials_has_every_pin_of_a_server_with_its_hashes(
    tmp_path: Path,
) -> None:
    file = tmp_path / "sbom.json"
    write_bill_of_materials(file)
    bill = json.loads(file.read_text())
    written = {(each["name"], each["version"]) for each in bill["components"]}
    pins = read_pins(ROOT / "requirements" / "serve.txt")
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "basket-server"
    assert written == {(name, pin) for name, versions in pins.items() for pin in versions}
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])
