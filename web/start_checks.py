"""Checks before requests are served; each raises NotServing with the reason."""

from starlette.applications import Starlette

import settings
from models.database import DATABASE_FAILURES
from models.demo import has_demo_tokens
from tasks.exports.store import ExportStore, open_store
from tasks.exports.store_url import StoreRefused
from web.database_fault import fault
from web.not_serving import NotServing


def check_production() -> None:
    """Raises NotServing when a setting of production is missing, or is the demo's."""
    if settings.EMBEDDED:
        return
    if not settings.COMMERCE_URL:
        raise NotServing("COMMERCE_URL is not set: production needs a real Commerce.")
    try:
        settings.check_production()
    except settings.SettingMissing as reason:
        raise NotServing(str(reason)) from None


async def check_people() -> None:
    """Raises NotServing when the connected database of production holds users of the demo."""
    if settings.EMBEDDED:
        return
    try:
        is_demo = await has_demo_tokens()
    except (OSError, *DATABASE_FAILURES) as failure:
        raise NotServing(fault(failure)) from failure
    if is_demo:
        raise NotServing("The database has demo users; revoke their tokens: python server.py token revoke demo-main")


def open_export_store(url: str, *, shared: bool) -> ExportStore:
    """Returns the export store; raises NotServing when exports could never be written to it."""
    try:
        return open_store(url, shared=shared, presigned=settings.EXPORT_PRESIGNED)
    except StoreRefused as reason:
        raise NotServing(str(reason)) from None


def opened_store(application: Starlette) -> ExportStore | None:
    """Returns the export store that `serve` has opened; None under another command, such as uvicorn's."""
    return getattr(application.state, "export_store", None)
