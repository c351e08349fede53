"""Checks before requests are served; each raises NotServing with the reason."""

from contextlib import suppress

from starlette.applications import Starlette

import settings
from models.database.connection import DATABASE_FAILURES
from models.database.migrate import log_migrations
from models.demo import has_demo_tokens
from settings.checks import Use, problems
from settings.startup_error import StartupError
from tasks.addresses import address_problems
from tasks.exports.store import ExportStore, open_store
from web.http.database_fault import fault
from web.startup.not_serving import NotServing


def start_problems() -> list[str]:
    """Returns why a server may not start on these settings; one line for each reason."""
    return problems(Use.SERVER) + address_problems()


def check_settings() -> None:
    """Raises NotServing when a server may not start on these settings."""
    if found := start_problems():
        raise NotServing(" ".join(found))


async def check_people() -> None:
    """Raises NotServing when the connected database of production holds users of the demo."""
    if settings.EMBEDDED:
        return
    try:
        is_demo = await has_demo_tokens()
    except (OSError, *DATABASE_FAILURES) as failure:
        raise NotServing(fault(failure)) from failure
    if is_demo:
        raise NotServing(
            "The database has demo users; revoke their tokens: python server.py token revoke demo-main"
        )


async def check_migrations() -> None:
    """Logs in which way the tables differ from this release; a database that does not answer may come later."""
    with suppress(OSError, *DATABASE_FAILURES):
        await log_migrations()


def open_export_store(url: str, *, shared: bool) -> ExportStore:
    """Returns the export store; raises NotServing when exports could never be written to it."""
    try:
        return open_store(url, shared=shared, presigned=settings.EXPORT_PRESIGNED)
    except StartupError as reason:
        raise NotServing(str(reason)) from None


def opened_store(application: Starlette) -> ExportStore | None:
    """Returns the export store that `serve` has opened; None under another command, such as uvicorn's."""
    return getattr(application.state, "export_store", None)
