"""GraphiQL in a real browser: it runs the example with the demo token, loading nothing from elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn

from application import create_application
from models.demo import write_demo
from tests.browser import chromium, open_page
from tests.databases import sqlite_database, unreachable
from tests.service import Service

WATCH_POLICY = (
    "window.violations = []; document.addEventListener('securitypolicyviolation', "
    "event => window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`))"
)


@asynccontextmanager
async def listening(database_url: str) -> AsyncIterator[str]:
    """Serves the embedded application, with the demo catalogue, on a free port."""
    application = create_application(database_url=database_url, commerce_url="", redis_url="", embedded=True)
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="error", log_config=None))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    await write_demo()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def test_a_browser_runs_the_example(tmp_path: Path) -> None:
    executable = chromium()
    if executable is None:
        unreachable("Chromium")
        return
    url = await asyncio.to_thread(sqlite_database, tmp_path)
    async with listening(url) as address, open_page(executable, tmp_path / "profile") as page:
        await page.send("Page.enable")
        await page.send("Page.addScriptToEvaluateOnNewDocument", source=WATCH_POLICY)
        await page.send("Page.navigate", url=f"{address}/graphql")
        await page.until("!!document.querySelector('.graphiql-execute-button')")
        text = await page.until("document.querySelector('.graphiql-container').innerText")
        assert "FillMyBasket" in text
        await page.until("document.body.innerText.includes('Token demo-main')")
        await page.value("document.querySelector('.graphiql-execute-button').focus()")
        await page.press("Enter", 13)
        await page.until("document.querySelectorAll('[role=menuitem][data-selected]').length == 1")
        await page.press("Enter", 13)
        await page.until("document.querySelector('.result-window').innerText.includes('totalAmount')")
        assert '"totalQuantity": 4' in await page.value("document.querySelector('.result-window').innerText")
        assert await page.value("window.violations") == []
        loaded = await page.value("performance.getEntriesByType('resource').map(entry => entry.name)")
        assert len(loaded) >= 6
        assert [name for name in loaded if not name.startswith((address, "data:"))] == []


async def test_graphiql_comes_with_a_strict_policy_and_without_a_token_in_production(service: Service) -> None:
    response = await service.client.get("/graphql", headers={"Accept": "text/html"})
    assert response.status_code == 200
    policy = response.headers["content-security-policy"]
    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    application = create_application(database_url="sqlite://:memory:", commerce_url="http://x.invalid", embedded=False)
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://basket") as client:
        page = await client.get("/graphql", headers={"Accept": "text/html"})
    assert 'data-token=""' in page.text


async def test_only_graphiql_s_own_files_are_served(service: Service) -> None:
    assert (await service.client.get("/graphiql/graphiql.min.js")).status_code == 200
    assert (await service.client.get("/graphiql/page.js")).status_code == 200
    for path in ("/graphiql/../server.py", "/graphiql/%2e%2e/server.py", "/graphiql/", "/graphiql/nothing.js"):
        assert (await service.client.get(path)).status_code == 404
