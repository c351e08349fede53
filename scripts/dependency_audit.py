"""Audits the pinned dependencies; `scripts/audit` runs it.

Without a network it checks that every requirement is pinned to one version with hashes, and that
the installed versions are the pinned ones. With one, pip-audit asks a vulnerability service about
every pin. It also writes a bill of materials of a server's packages. Exit statuses: 0 all audited
and clean; 1 a vulnerability or an invalid pin; 3 clean so far, and the service did not answer for
some or all pins.
"""

import json
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
BILL_OF_MATERIALS = ROOT / "var" / "sbom" / "basket-server.cdx.json"
INVALID, NOT_AUDITED = 1, 3
_TIMEOUT_SECONDS = 300
_SEPARATORS = re.compile(r"[-_.]+")

Pins = dict[str, set[str]]
"""The versions of each requirement by its normalised name, one per Python version."""


def print_line(text: str) -> None:
    """Prints a line."""
    sys.stdout.write(f"{text}\n")


def read_pins(path: Path) -> Pins:
    """Reads a requirements file; raises ValueError for one without a version or a hash."""
    pins: Pins = {}
    for requirement in path.read_text().replace("\\\n", " ").splitlines():
        text = requirement.split("#")[0].strip()
        if not text:
            continue
        match = re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.!+]+)", text)
        if match is None or "--hash=sha256:" not in text:
            name = text.split()[0]
            raise ValueError(
                f"{path.name}: {name} is not pinned to one version with hashes."
            )
        pins.setdefault(normalise(match[1]), set()).add(match[2])
    return pins


def normalise(name: str) -> str:
    """Returns the one spelling of a package's name."""
    return _SEPARATORS.sub("-", name).lower()


def find_mismatches(pins: Pins) -> list[str]:
    """Returns a line per package that is installed in another version than the pinned ones."""
    installed = {normalise(package.name): package.version for package in distributions()}
    return [
        f"{name} is installed as {installed[name]} and pinned as {sorted(versions)}."
        for name, versions in pins.items()
        if name in installed and installed[name] not in versions
    ]


def find_vulnerabilities(path: Path) -> tuple[list[str], int, int]:
    """Asks the service; returns its findings, and how many pins it did and did not look up."""
    program = str(Path(sys.executable).parent / "pip-audit")
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    # The command is a constant: nothing of it comes from outside.
    done = subprocess.run(  # noqa: S603
        [program, "-r", str(path), "--format", "json", "--timeout", "5", *options],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return [], 0, len(read_pins(path))
    looked_up = [package for package in packages if "vulns" in package]
    vulnerable = [
        f"{package['name']} {package['version']}: {vulnerability['id']}"
        for package in looked_up
        for vulnerability in package["vulns"]
    ]
    return vulnerable, len(looked_up), len(packages) - len(looked_up)


def write_bill_of_materials(path: Path = BILL_OF_MATERIALS) -> None:
    """Writes the CycloneDX bill of materials of a server's packages, every pin with its hashes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    program = str(Path(sys.executable).parent / "cyclonedx-py")
    requirements = str(ROOT / "requirements" / "serve.txt")
    project = str(ROOT / "pyproject.toml")
    options = ["--output-reproducible", "--pyproject", project, "--output-file", str(path)]
    subprocess.run(  # noqa: S603
        [program, "requirements", requirements, *options],
        check=True,
        capture_output=True,
        timeout=_TIMEOUT_SECONDS,
    )


def audit(path: Path) -> int:
    """Audits a requirements file, prints the result, and returns the exit status."""
    try:
        pins = read_pins(path)
    except ValueError as error:
        print_line(str(error))
        return INVALID
    count = len(pins)
    print_line(
        f"{path.name}: {count} requirements, each pinned to one version with hashes."
    )
    vulnerable, looked_up, missing = find_vulnerabilities(path)
    if missing:
        result = (
            f"NOT AUDITED: the vulnerability service did not answer for {missing} pins."
        )
    else:
        result = f"{looked_up} looked up; {len(vulnerable)} known vulnerabilities."
    print_line(f"{path.name}: {result}")
    faults = vulnerable + find_mismatches(pins)
    for fault in faults:
        print_line(f"  {fault}")
    if faults:
        return INVALID
    return NOT_AUDITED if missing else 0


def main() -> int:
    """Audits all requirements files and returns the exit status."""
    statuses = [audit(path) for path in sorted((ROOT / "requirements").glob("*.txt"))]
    write_bill_of_materials()
    print_line(f"The bill of materials is {BILL_OF_MATERIALS.relative_to(ROOT)}.")
    return INVALID if INVALID in statuses else max(statuses)


if __name__ == "__main__":
    sys.exit(main())
