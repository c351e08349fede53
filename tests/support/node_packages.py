"""The npm packages of the tests, and scripts that find them."""

import shutil
from functools import cache
from pathlib import Path

from tests.support.node_install import FOLDER, NotInstalled, install_packages
from tests.support.programs import missing, program


@cache
def node_modules() -> Path:
    """Returns the folder `node_modules` with the packages of tests/support/node/package.json.

    Where they cannot be installed, for want of Node or of a registry, the test is skipped, and in CI it fails.
    """
    program("node")
    program("npm")
    try:
        return install_packages()
    except NotInstalled as reason:
        missing(
            f"The npm packages of tests/support/node/package.json cannot be installed: {reason}"
        )


def node_script(name: str, folder: Path) -> Path:
    """Returns a copy in `folder` of a script of tests/support/node, which finds the packages from there."""
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(node_modules())
    return Path(shutil.copy(FOLDER / name, folder))
