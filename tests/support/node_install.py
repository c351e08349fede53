"""Installs the npm packages of the tests, once per machine, into a cache outside of the tree.

`scripts/test` runs this as a program while it makes the virtual environment, so it imports nothing
beyond Python.
"""

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent / "node"
INSTALL_SECONDS = 600


class NotInstalled(Exception):
    """Raised with the reason why there are no packages."""


def install_packages() -> Path:
    """Returns the folder `node_modules`; parallel processes wait for the first one."""
    description = (FOLDER / "package.json").read_bytes()
    cached = _cache_folder() / hashlib.sha256(description).hexdigest()[:16]
    cached.mkdir(parents=True, exist_ok=True)
    with (cached / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cached / "is_complete").exists():
            (cached / "package.json").write_bytes(description)
            _install(cached)
            (cached / "is_complete").touch()
    return cached / "node_modules"


def _cache_folder() -> Path:
    return (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "basket-server-tests"
    )


def _install(folder: Path) -> None:
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    try:
        subprocess.run(
            ["npm", "install", *options],
            cwd=folder,
            timeout=INSTALL_SECONDS,
            capture_output=True,
            text=True,
            check=True,
        )
    except OSError as error:
        raise NotInstalled(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise NotInstalled(error.stderr.strip()) from error


def main() -> None:
    """Installs them, if that is possible; the tests say what is missing."""
    try:
        install_packages()
    except NotInstalled:
        pass


if __name__ == "__main__":
    main()
