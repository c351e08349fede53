"""The npm packages of the peers, installed once per machine into a cache outside of the tree."""

import hashlib
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
CACHE_FOLDER = Path.home() / ".cache" / "basket-server-bench"
INSTALL_SECONDS = 900
SCRIPTS = ("buyers.mjs", "mercurius.mjs", "postgraphile.mjs")


class PackagesMissing(Exception):
    """Raised when the packages cannot be installed; the message says why."""


def installed_folder() -> Path:
    """Returns the folder with the scripts and their packages; raises PackagesMissing."""
    description = (FOLDER / "package.json").read_bytes()
    folder = CACHE_FOLDER / hashlib.sha256(description).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    # An interrupted installation leaves no mark, and is repeated.
    if not (folder / "is_complete").exists():
        (folder / "package.json").write_bytes(description)
        _install(folder)
        (folder / "is_complete").touch()
    # Node looks for packages beside the script.
    for name in SCRIPTS:
        shutil.copy(FOLDER / name, folder)
    return folder


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise PackagesMissing("npm is not installed, so the peers cannot be measured.")
    print(f"Installing the packages of the peers into {folder} (once) ...", flush=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    done = subprocess.run(
        command,
        cwd=folder,
        timeout=INSTALL_SECONDS,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PackagesMissing(
            f"The packages of the peers cannot be installed: {done.stderr.strip()}"
        )


def node_version(folder: Path) -> tuple[Path, int]:
    """Returns the Node of the packages and its major version; raises PackagesMissing."""
    node = folder / "node_modules" / ".bin" / "node"
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagesMissing(f"The node package does not run here: {done.stderr.strip()}")
    return node, int(done.stdout.removeprefix("v").partition(".")[0])
