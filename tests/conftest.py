"""The fixtures: databases, the shop, the service."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.databases import databases, drop_postgres_database
from tests.service import Service, serve
from tests.shop import Shop, serve_shop


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


def pytest_sessionfinish() -> None:
    """Leaves no database behind."""
    drop_postgres_database()
