"""Audits the pinned dependencies; `scripts/audit` runs it.

Without any network it checks that every requirement is pinned to one version with hashes, and that what is installed is
what is pinned. With one, pip-audit asks a vulnerability service for every pin. It also writes a bill of materials of
what a server installs. Exit statuses: 0 all audited and clean; 1 a vulnerability, or a pin that is none; 3 clean so
far, and the service could not be asked for some or all of them.
"""

import json
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
BILL_OF_MATERIALS = ROOT / "var" / "sbom" / "basket-server.cdx.json"
SEVERE, NOT_AUDITED = 1, 3
_TIMEOUT_SECONDS = 300
_NAME = re.compile(r"[-_.]+")


def say(text: str) -> None:
    """Prints a line."""
    sys.stdout.write(f"{text}\n")


def pins_of(path: Path) -> dict[str, set[str]]:
    """Returns the versions, one a Python version, of each requirement; raises ValueError for one without a hash."""
    pins: dict[str, set[str]] = {}
    for requirement in path.read_text().replace("\\\n", " ").splitlines():
        text = requirement.split("#")[0].strip()
        if not text:
            continue
        match = re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.!+]+)", text)
        if match is None or "--hash=sha256:" not in text:
            raise ValueError(
                f"{path.name}: {text.split()[0]} is not pinned to one version with hashes."
            )
        pins.setdefault(_NAME.sub("-", match[1]).lower(), set()).add(match[2])
    return pins


def strangers(pins: dict[str, set[str]]) -> list[str]:
    """Returns what is installed in another version than the pinned ones."""
    installed = {
        _NAME.sub("-", each.name).lower(): each.version for each in distributions()
    }
    wrong = [
        name
        for name, versions in pins.items()
        if name in installed and installed[name] not in versions
    ]
    return [
        f"{name} is installed as {installed[name]} and pinned as {sorted(pins[name])}."
        for name in wrong
    ]


def audited(path: Path) -> tuple[list[str], int, int]:
    """Asks the service; returns what is vulnerable, how many pins were looked up, and how many could not be."""
    command = [
        str(Path(sys.executable).parent / "pip-audit"),
        "-r",
        str(path),
        "--require-hashes",
        "--disable-pip",
    ]
    more = ["--format", "json", "--progress-spinner", "off", "--timeout", "5"]
    # The command is ours alone: nothing of it comes from outside.
    done = subprocess.run(  # noqa: S603
        [*command, *more],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    try:
        found = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return [], 0, len(pins_of(path))
    looked_up = [each for each in found if "vulns" in each]
    vulnerable = [
        f"{each['name']} {each['version']}: {vuln['id']}"
        for each in looked_up
        for vuln in each["vulns"]
    ]
    return vulnerable, len(looked_up), len(found) - len(looked_up)


def write_bill_of_materials(path: Path = BILL_OF_MATERIALS) -> None:
    """Writes the CycloneDX bill of materials of what a server installs, every pin with its hashes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [
        str(Path(sys.executable).parent / "cyclonedx-py"),
        "requirements",
        str(ROOT / "requirements" / "serve.txt"),
        "--pyproject",
        str(ROOT / "pyproject.toml"),
        "--output-reproducible",
        "--output-file",
        str(path),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_SECONDS)  # noqa: S603


def main() -> int:
    """Audits both lists and returns the exit status."""
    status = 0
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        try:
            pins = pins_of(path)
        except ValueError as error:
            say(str(error))
            return SEVERE
        say(
            f"{path.name}: {len(pins)} requirements, each pinned to one version with hashes."
        )
        vulnerable, count, missing = audited(path)
        if missing:
            say(
                f"{path.name}: NOT AUDITED: the vulnerability service could not be asked for {missing} of them."
            )
            status = status or NOT_AUDITED
        else:
            say(f"{path.name}: {count} looked up; {len(vulnerable)} known vulnerabilities.")
        faults = vulnerable + strangers(pins)
        for fault in faults:
            say(f"  {fault}")
        status = SEVERE if faults else status
    write_bill_of_materials()
    say(f"The bill of materials is {BILL_OF_MATERIALS.relative_to(ROOT)}.")
    return status


if __name__ == "__main__":
    sys.exit(main())
