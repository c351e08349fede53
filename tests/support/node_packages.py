"""The npm packages of the tests, installed once per machine into a cache outside of the tree."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.support.programs import missing, program

FOLDER = Path(__file__).parent / "node"
INSTALL_SECONDS = 600


@cache
def node_modules() -> Path:
    """Returns the folder `node_modules` with the packages of tests/support/node/package.json.

    Where they cannot be installed, for want of Node or of a registry, the test is skipped, and in CI it fails.
    """
    program("node")
    npm, description = program("npm"), (FOLDER / "package.json").read_bytes()
    cached = _cache_folder() / hashlib.sha256(description).hexdigest()[:16]
    cached.mkdir(parents=True, exist_ok=True)
    with (cached / "lock").open("w") as lock:
        # Parallel workers wait here for the first one.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cached / "is_complete").exists():
            (cached / "package.json").write_bytes(description)
            _install(npm, cached)
            (cached / "is_complete").touch()
    return cached / "node_modules"


def _cache_folder() -> Path:
    return (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "basket-server-tests"
    )


def _install(npm: str, folder: Path) -> None:
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
        missing(
            f"The npm packages of tests/support/node/package.json cannot be installed: {done.stderr.strip()}"
        )


def node_script(name: str, folder: Path) -> Path:
    """Returns a copy in `folder` of a script of tests/support/node, which finds the packages from there."""
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(node_modules())
    return Path(shutil.copy(FOLDER / name, folder))
