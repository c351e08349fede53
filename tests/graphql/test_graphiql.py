"""GraphiQL in a real browser: it runs the example with the demo token, loading nothing from elsewhere."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn
from graphql import FieldNode, OperationDefinitionNode, parse, validate

from application import create_application, schema
from commands.operator import current_operator
from models.demo import write_demo
from settings.options import Options
from tests.support.browser import Page, open_page
from tests.support.service import Service
from web.graphql.graphiql import read_operations

RESULT = "(document.querySelector('.result-window')?.innerText ?? '')"
BUTTON = "document.querySelector('.graphiql-execute-button')"
TOKEN_INPUT = "document.getElementById('token')"

ALL_TABS = f"document.querySelectorAll('.graphiql-tab').length == {len(read_operations())}"

WATCH_POLICY = (
    "window.violations = []; document.addEventListener('securitypolicyviolation', "
    "event => window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`))"
)


@asynccontextmanager
async def listening(
    database_url: str, *, embedded: bool, port: int = 0
) -> AsyncIterator[str]:
    """Serves the application, with the demo catalogue and people, on a free port or this one."""
    application = create_application(
        Options(
            database_url=database_url, commerce_url="", redis_url="", is_embedded=embedded
        )
    )
    server = uvicorn.Server(
        uvicorn.Config(application, port=port, log_level="error", log_config=None)
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    await write_demo(current_operator())
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def page(browser: int) -> AsyncIterator[Page]:
    """A page of a browser, with nothing stored, which notes every breach of the page's policy."""
    async with open_page(browser) as opened:
        await opened.send("Page.enable")
        await opened.send("Page.addScriptToEvaluateOnNewDocument", source=WATCH_POLICY)
        yield opened


@pytest.fixture
async def address(sqlite_url: str) -> AsyncIterator[str]:
    """The embedded server with its demo."""
    async with listening(sqlite_url, embedded=True) as url:
        yield url


SELECTED = "document.querySelectorAll('[role=menuitem][data-selected]')"


async def run_operation(page: Page) -> None:
    """Presses the button of a tab with one operation."""
    # A tab that was just opened has the button of the tab before for a moment.
    await page.until(f"{BUTTON}?.hasAttribute('aria-haspopup') === false")
    await page.value(f"{BUTTON}.click()")


async def run_first_operation(page: Page) -> None:
    """Presses the button of a tab with several operations, and chooses the first."""
    await page.until(f"{BUTTON}?.hasAttribute('aria-haspopup')")
    await page.value(f"{BUTTON}.focus()")
    await page.press("Enter", 13)
    await page.until(f"{SELECTED}.length == 1")
    # The menu shows its selection a moment before it listens, and takes no notice of keys till then.
    while await page.value(f"{SELECTED}.length"):
        await page.press("Enter", 13)
        await page.settle()


async def result(page: Page, text: str) -> str:
    """Waits until the result contains a text, and returns it."""
    await page.until(f"{RESULT}.includes({json.dumps(text)})")
    return str(await page.value(RESULT))


async def test_a_browser_runs_the_example(page: Page, address: str) -> None:
    await page.send("Page.navigate", url=address)
    await page.until("!!document.querySelector('.graphiql-execute-button')")
    text = await page.until("document.querySelector('.graphiql-container').innerText")
    assert "FillMyBasket" in text
    assert await page.value("document.getElementById('token').value") == "demo-main"
    await run_first_operation(page)
    assert '"totalQuantity": 4' in await result(page, "totalAmount")
    assert await page.value("window.violations") == []
    loaded = await page.value(
        "performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    assert len(loaded) >= 7
    assert [name for name in loaded if not name.startswith((address, "data:"))] == []


async def test_every_kind_of_operation_has_a_tab_and_the_explorer_is_there(
    page: Page, address: str
) -> None:
    await page.send("Page.navigate", url=f"{address}/graphql")
    await page.until(ALL_TABS)
    await page.value("document.querySelectorAll('.graphiql-tab-button')[3].click()")
    await page.until(
        "document.querySelector('.graphiql-editors').innerText.includes('RefreshThePrices')"
    )
    await page.value(
        "document.querySelector('[aria-label=\"Show GraphiQL Explorer\"]').click()"
    )
    await page.until(
        "document.querySelector('.graphiql-explorer-root')?.innerHTML.includes('RefreshThePrices')"
    )
    assert await page.value("window.violations") == []


async def test_a_link_opens_its_query_with_its_variables(page: Page, address: str) -> None:
    query = "query Linked($sku: String!) { product(sku: $sku) { name } }"
    link = urlencode({"query": query, "variables": json.dumps({"sku": "SKU01"})})
    await page.send("Page.navigate", url=f"{address}/graphql?{link}")
    await page.until(
        "document.querySelector('.graphiql-editors')?.innerText.includes('Linked')"
    )
    await run_operation(page)
    assert '"name": "Ballpoint pen, blue"' in await result(page, "Ballpoint")


async def test_a_file_is_uploaded(page: Page, address: str, tmp_path: Path) -> None:
    file = tmp_path / "basket.csv"
    file.write_text("product__sku,quantity,division__erp_code\nSKU01,3,ERP01\n")
    await page.send("Page.navigate", url=f"{address}/graphql")
    await page.until(ALL_TABS)
    await page.value("document.querySelectorAll('.graphiql-tab-button')[4].click()")
    await page.until(
        "document.querySelector('.graphiql-editors').innerText.includes('ImportAFile')"
    )
    await run_operation(page)
    await result(page, "Choose a file")
    await page.set_files("#file", file)
    await run_operation(page)
    assert '"rowsRead": 1' in await result(page, "rowsRead")


async def test_without_a_token_the_page_asks_for_one_and_keeps_it(
    page: Page, sqlite_url: str
) -> None:
    async with listening(sqlite_url, embedded=False) as address:
        await page.send("Page.navigate", url=f"{address}/graphql")
        await page.until(
            "document.getElementById('notice').innerText.includes('Paste your token')"
        )
        assert (
            await page.value("document.querySelectorAll('.graphiql-container').length") == 0
        )

        await page.value(
            f"{TOKEN_INPUT}.value = 'wrong'; document.getElementById('use-token').click()"
        )
        await page.until(
            "document.getElementById('notice').innerText.includes('not accepted')"
        )
        await page.value(
            f"{TOKEN_INPUT}.value = 'demo-sub'; document.getElementById('use-token').click()"
        )
        await page.until("document.getElementById('notice').innerText == ''")
        await page.until("!!document.querySelector('.graphiql-execute-button')")

        await page.send("Page.reload")
        await page.until("!!document.querySelector('.graphiql-execute-button')")
        assert await page.value(f"{TOKEN_INPUT}.value") == "demo-sub"


def test_every_operation_of_the_tabs_is_valid() -> None:
    names = set()
    for tab in read_operations():
        document = parse(tab["query"])
        assert validate(schema._schema, document) == []
        fields = [
            field.name.value
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
            for field in definition.selection_set.selections
            if isinstance(field, FieldNode)
        ]
        names |= set(fields)
    mutations = schema._schema.mutation_type
    assert mutations is not None
    assert mutations.fields.keys() <= names


async def test_the_page_can_be_switched_off(database_url: str) -> None:
    application = create_application(
        Options(
            database_url=database_url, commerce_url="http://x.invalid", has_graphiql=False
        )
    )
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://basket") as client:
        for path in ("/", "/graphiql/page.js"):
            assert (
                await client.get(path, headers={"Accept": "text/html"})
            ).status_code == 404


async def test_the_root_leads_to_the_page(service: Service) -> None:
    response = await service.client.get("/", headers={"Accept": "text/html"})
    assert (response.status_code, response.headers["location"]) == (307, "/graphql")


async def test_graphiql_comes_with_a_strict_policy_and_without_a_token_in_production(
    service: Service,
) -> None:
    response = await service.client.get("/graphql", headers={"Accept": "text/html"})
    assert response.status_code == 200
    policy = response.headers["content-security-policy"]
    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    application = create_application(
        Options(
            database_url="sqlite://:memory:",
            commerce_url="http://x.invalid",
            is_embedded=False,
        )
    )
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://basket") as client:
        page = await client.get("/graphql", headers={"Accept": "text/html"})
    assert 'data-token=""' in page.text


async def test_only_graphiql_s_own_files_are_served(service: Service) -> None:
    assert (await service.client.get("/graphiql/graphiql.min.js")).status_code == 200
    assert (await service.client.get("/graphiql/page.js")).status_code == 200
    for path in (
        "/graphiql/../server.py",
        "/graphiql/%2e%2e/server.py",
        "/graphiql/",
        "/graphiql/nothing.js",
    ):
        assert (await service.client.get(path)).status_code == 404
