"""Checks before requests are served; each raises StartupError with the reason."""

from contextlib import suppress

from models.database.connection import DATABASE_FAILURES
from models.database.fault import explain_failure
from models.database.migrate import log_migrations
from models.database.rights import describe_missing_rights
from models.demo import has_demo_tokens
from settings.startup_error import StartupError
from tasks.addresses import server_problems


def check_settings() -> None:
    """Raises StartupError when a server may not start on the settings."""
    if reasons := server_problems():
        raise StartupError(" ".join(reasons))


async def check_people(database_url: str) -> None:
    """Raises StartupError when the connected database of production has users of the demo."""
    try:
        is_demo = await has_demo_tokens()
    except (OSError, *DATABASE_FAILURES) as failure:
        raise StartupError(explain_failure(failure, database_url)) from failure
    if is_demo:
        raise StartupError(
            "The database has demo users; revoke their tokens: "
            "python server.py token revoke demo-main"
        )


async def check_tables() -> None:
    """Logs how the tables differ from this release; a silent database may come up later.

    Raises StartupError when the role lacks rights on them.
    """
    with suppress(OSError, *DATABASE_FAILURES):
        await log_migrations()
        if missing := await describe_missing_rights():
            raise StartupError(f"DATABASE_URL: {missing}.")
