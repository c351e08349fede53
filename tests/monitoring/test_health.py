"""Health and readiness, with what answers and what does not."""

import pytest

from application import create_application
from settings.options import Options
from tests.support.service import open_client

NOWHERE = "127.0.0.1:1"


async def readiness(database_url: str, redis_url: str) -> tuple[int, dict[str, str]]:
    """Asks an application with these services whether it is ready; it must be up in any case."""
    application = create_application(
        Options(
            database_url=database_url, commerce_url="http://x.invalid", redis_url=redis_url
        )
    )
    async with open_client(application) as client:
        assert (await client.get("/healthz")).status_code == 200
        response = await client.get("/readyz")
        return response.status_code, response.json()


async def test_it_is_ready_when_the_database_answers(database_url: str) -> None:
    assert await readiness(database_url, "") == (200, {"status": "ok", "database": "ok"})


async def test_it_is_ready_when_redis_answers_too(
    database_url: str, redis_url: str
) -> None:
    expected = {"status": "ok", "database": "ok", "redis": "ok"}
    assert await readiness(database_url, redis_url) == (200, expected)


async def test_it_says_that_redis_does_not_answer(sqlite_url: str) -> None:
    expected = {"status": "unavailable", "database": "ok", "redis": "unavailable"}
    assert await readiness(sqlite_url, f"redis://{NOWHERE}/0") == (503, expected)


async def test_it_says_that_the_database_does_not_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected = {"status": "unavailable", "database": "unavailable"}
    assert await readiness(f"postgres://postgres@{NOWHERE}/none", "") == (503, expected)
    assert "The database does not answer" in caplog.text
