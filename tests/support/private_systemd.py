"""A systemd of a test's own, as process 1 of namespaces that the test makes: it runs the committed units as they are.

Inside, /opt, /etc, /run and /var/lib are the test's; the network is the machine's, so databases are reached as usual.
"""

import errno
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tests.support.processes import ROOT, wait_until
from tests.support.programs import missing, program
from tests.support.waiting import TIMEOUT_SECONDS

SCRIPT = ROOT / "tests" / "support" / "private_systemd.sh"
RELEASES = ("basket-1", "basket-2")
NAMESPACES = ["--pid", "--fork", "--mount-proc", "--mount", "--cgroup", "--uts", "--ipc"]
TARGETS = ("sysinit", "basic", "sockets", "network-online", "multi-user", "shutdown")
OUTPUT = "units.log"
RESULTS = "systemctl show 'basket-*' --property=Id,Result,ExecMainStatus,NRestarts"
"""Tells how often each unit was started again, and how it ended."""
_TARGET = "[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\n"
_READABLE_PYTHON = (
    "[Service]\nProtectHome=no\nAmbientCapabilities=CAP_DAC_READ_SEARCH\n"
    "CapabilityBoundingSet=CAP_DAC_READ_SEARCH\n"
)


class Systemd:
    """A running systemd: runs shell commands beside its units."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def run(self, command: str, timeout: float = TIMEOUT_SECONDS) -> str:
        """Runs a command of bash inside, which must succeed, and returns what it prints."""
        done = self.attempt(command, timeout)
        assert done.returncode == 0, (
            f"{command}\n{done.stdout}{done.stderr}\n{self.log.read_text()[-4000:]}"
            f"{self.read_output()[-8000:]}{self.attempt(RESULTS).stdout}"
        )
        return done.stdout

    def read_output(self) -> str:
        """Returns the output of all units."""
        output = self.log.with_name(OUTPUT)
        return output.read_text() if output.exists() else ""

    def attempt(
        self, command: str, timeout: float = TIMEOUT_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command of bash inside."""
        inner = [
            "nsenter",
            "--target",
            str(self._first()),
            "--pid",
            "--mount",
            "--cgroup",
            "--uts",
            "--ipc",
        ]
        shell = ["bash", "-euo", "pipefail", "-c", f"cd /opt/basket\n{command}"]
        return subprocess.run(
            [*inner, *shell], capture_output=True, text=True, timeout=timeout, check=False
        )

    def state(self, unit: str) -> str:
        """Returns the active state of a unit."""
        return self.attempt(f"systemctl is-active {unit}").stdout.strip()

    def is_up(self) -> bool:
        """Tells whether systemd answers."""
        try:
            return (
                self.attempt("systemctl is-active multi-user.target").stdout.strip()
                == "active"
            )
        except (IndexError, ValueError):
            return False

    def _first(self) -> int:
        """Returns the number of process 1 as this side sees it: the child of unshare."""
        children = Path(
            f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        ).read_text()
        return int(children.split()[0])


def require_namespaces() -> None:
    """Skips the test where systemd or the right to make namespaces is missing; in CI that is a failure."""
    program("systemctl")
    program("dbus-daemon")
    command = ["unshare", *NAMESPACES, "mount", "-t", "tmpfs", "tmpfs", "/run"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    if done.returncode:
        missing(f"Namespaces need root with CAP_SYS_ADMIN: {done.stderr.strip()}")


def write_units(folder: Path, environment: dict[str, str]) -> None:
    """Writes the committed units and the environment file with the test's own values."""
    units = folder / "units"
    units.mkdir()
    deployment = ROOT / "docs" / "deployment"
    for unit in deployment.glob("*.service"):
        shutil.copy(unit, units)
        drop_in = units / f"{unit.name}.d"
        drop_in.mkdir()
        # No journal runs here; a failure shows the end of this file.
        output = (
            f"[Service]\nStandardOutput=append:{folder / OUTPUT}\nStandardError=inherit\n"
        )
        (drop_in / "output.conf").write_text(output)
        if _is_private(Path(sys.base_prefix)):
            # The Python of this machine lies in a home that no other user enters.
            (drop_in / "python.conf").write_text(_READABLE_PYTHON)
    for target in TARGETS:
        (units / f"{target}.target").write_text(_TARGET)

    committed = [
        line
        for line in (deployment / "basket.env").read_text().splitlines()
        if line.partition("=")[0] not in environment
    ]
    own = [f"{name}={value}" for name, value in environment.items()]
    (folder / "basket.env").write_text("\n".join([*committed, *own]) + "\n")


def as_basket() -> str:
    """Returns the words of systemd-run for the user of the units, who can run this machine's Python."""
    if _is_private(Path(sys.base_prefix)):
        return "--uid=basket --property=AmbientCapabilities=CAP_DAC_READ_SEARCH"
    return "--uid=basket"


def _is_private(prefix: Path) -> bool:
    return any(not parent.stat().st_mode & 0o001 for parent in (prefix, *prefix.parents))


@contextmanager
def private_systemd(folder: Path, environment: dict[str, str]) -> Iterator[Systemd]:
    """Yields a systemd that knows the units and has started none of them."""
    require_namespaces()
    write_units(folder, environment)
    log = folder / "systemd.log"
    inside = ["bash", str(SCRIPT), str(folder), str(ROOT), ",".join(RELEASES)]
    with own_cgroup() as group, log.open("wb") as output:
        process = subprocess.Popen(
            [*group, "unshare", *NAMESPACES, "--kill-child", *inside],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            systemd = Systemd(process, log)
            wait_until(systemd.is_up, f"The start of systemd, which writes to {log},")
            systemd.run("systemctl start dbus.socket dbus")
            yield systemd
        finally:
            process.kill()
            process.wait()


@contextmanager
def own_cgroup() -> Iterator[list[str]]:
    """Yields the words before a command that run it in a control group of its own.

    The root of a namespace of groups is the group of its first process. In the group of the tests
    two systemds would share the groups of their units, and each remove those that the other needs.
    """
    named = Path("/sys/fs/cgroup/systemd")
    group = (named if named.exists() else named.parent) / f"basket-test-{uuid4().hex}"
    group.mkdir()
    try:
        yield ["bash", "-c", f'echo $$ >{group}/cgroup.procs; exec "$0" "$@"']
    finally:
        wait_until(lambda: _remove_group(group), f"The end of {group}")


def _remove_group(group: Path) -> bool:
    """Removes a group and those in it; tells whether no process was left in them."""
    try:
        for folder in sorted(group.rglob("*/"), reverse=True):
            folder.rmdir()
        group.rmdir()
    except OSError as error:
        return error.errno == errno.ENOENT
    return True
