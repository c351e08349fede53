"""The fixtures: databases, the shop, the service; and how tests are spread over parallel workers.

`scripts/test` runs several worker processes (pytest-xdist). A test gets all that it uses from here, so that no two
tests share anything:
- a database: `database_url` (once of each kind), `postgres_url` or `sqlite_url`, empty and with all tables;
- Redis: `redis_url`, an empty database of the shared server; or a server of its own by `Processes(...).redis(port)`;
- a port: `tests.support.ports.free_port()`, from this worker's own block, or port 0; never a number of its own;
- files: `tmp_path`; never a name in `var/` or in the temporary folder;
- a program beyond Python: `tests.support.programs.program(name)`, which skips at home, fails in CI, and skips
  with `--quick`.
  `.ci/run` installs it: its list has a line per program.

Tests that share a module's fixture run one after the other in one worker. Mark a test that takes
more than about two seconds with `@pytest.mark.long`: it is started first. To wait, poll a condition
with a generous timeout; a fixed pause, or a comparison of times, fails where many tests share a
processor.
"""

import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from _pytest.nodeid import NodeId
from execnet import XSpec

from tests.support import run_folder
from tests.support.browser import running_browser
from tests.support.certificates import create_context
from tests.support.databases import databases, empty_redis, migrated_file
from tests.support.forks import fork_server, has_forks
from tests.support.kept_models import keep_models
from tests.support.postgres_database import drop_postgres_database, drop_template
from tests.support.programs import Run, program, skip_starts_when_quick
from tests.support.service import Service, serve
from tests.support.shop import Shop, serve_shop
from tests.support.worker_server import WorkerServer

WORKERS_PER_CORE = 2
"""With more, tests take more processor time and end no sooner."""


@pytest.fixture(scope="session", autouse=True)
def sqlite_tables() -> None:
    """Reads the file that SQLite's databases are copies of, while no event loop runs yet."""
    migrated_file()


@pytest.fixture(scope="session", autouse=True)
def quick_applications() -> Iterator[None]:
    """Caches what applications have in common, and shortens the intervals of their checks."""
    with pytest.MonkeyPatch.context() as patch:
        keep_models(patch)
        patch.setattr("tasks.embedded_worker.POLL_MILLISECONDS", 5)
        patch.setattr("web.live.service.CHECK_SECONDS", 0.5)
        # Each client of httpx would read all certificates of the machine, which takes 20 ms.
        patch.setattr("httpx._transports.default.create_ssl_context", create_context)
        if find_spec("sniffio") is None:
            # httpx would look for it anew with each request.
            patch.setitem(sys.modules, "sniffio", None)
        yield


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, once of each kind."""
    yield from databases(request.param, tmp_path)


@pytest.fixture
def postgres_url(tmp_path: Path) -> Iterator[str]:
    """An empty database of PostgreSQL."""
    yield from databases("postgres", tmp_path)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> Iterator[str]:
    """An empty database of SQLite."""
    yield from databases("sqlite", tmp_path)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """A Commerce server of this test."""
    async with serve_shop() as opened:
        yield opened


@pytest.fixture
async def service(database_url: str, shop: Shop, tmp_path: Path) -> AsyncIterator[Service]:
    """The application in this process, on an empty database, once of each kind."""
    async with serve(database_url, shop, str(tmp_path / "exports")) as served:
        yield served


@pytest.fixture
def redis_url() -> str:
    """An empty Redis database that no other worker uses."""
    return empty_redis()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a browser, whose pages share nothing with those of other tests."""
    profile = tmp_path_factory.mktemp("browser")
    with running_browser(program("chromium"), profile) as port:
        yield port


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option of the embedded half."""
    parser.addoption(
        "--quick",
        action="store_true",
        help="no PostgreSQL, no Redis, no other programs or processes",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Makes the folder of the run; tells the lookups of programs whether they may be used."""
    if run_folder.create():
        config.add_cleanup(run_folder.delete)
        config.add_cleanup(drop_template)
    Run.quick = config.getoption("--quick")
    handle_ignored_signals()


def handle_ignored_signals() -> None:
    """Goes on ignoring the signals that `nohup` or `&` had ignored, but in this process only.

    Processes that tests start inherit a signal that is ignored, and would ignore it too, but not
    one with a handler.
    """
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Imports the tests without collecting garbage, and looks for none among what they import.

    It would take a fifteenth of the processor time of all tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Returns more workers than cores, because many tests wait for other processes."""
    return WORKERS_PER_CORE * (os.cpu_count() or 1)


def pytest_xdist_setupnodes(config: pytest.Config, specs: list[XSpec]) -> None:
    """Forks the workers from one process that has imported all tests."""
    is_quick = config.getoption("--quick")
    if has_forks():
        if not is_quick:
            fork_server.share()
        server = WorkerServer(["--quick"] if is_quick else [])
        config.add_cleanup(server.end)
        for spec in specs:
            spec.python = server.python


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Starts long tests first, and keeps those together that share a fixture of their module."""
    skip_starts_when_quick()
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if "PYTEST_XDIST_WORKER" in os.environ:
        for item in items:
            if isinstance(item, pytest.Function) and (group := _group(item)):
                name_group(item, group)


def name_group(item: pytest.Function, group: str) -> None:
    """Puts the group of a test behind its id, where pytest-xdist looks for it.

    The mark `xdist_group` of pytest-xdist 3.8 has no effect under pytest 9.2, which has renamed
    the attribute that it sets.
    """
    item._id = NodeId.parse(f"{item.nodeid}@{group}")


def _group(item: pytest.Function) -> str:
    """Returns the group that a test is marked with or shares a fixture with; empty without one."""
    if mark := item.get_closest_marker("xdist_group"):
        return str(mark.args[0])
    shared = _shared_fixtures(item)
    return "-".join([item.module.__name__, *shared]) if shared else ""


def _shared_fixtures(item: pytest.Function) -> list[str]:
    """Returns the fixtures of its module that a test uses, with their parameters."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return [
        f"{name}={parameters.get(name, '')}"
        for name, definitions in sorted(item._fixtureinfo.name2fixturedefs.items())
        if definitions[-1].scope == "module" and not name.startswith("_")
    ]


def pytest_sessionfinish() -> None:
    """Leaves no database and no process behind."""
    fork_server.end()
    drop_postgres_database()
