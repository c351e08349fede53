"""A live basket in GraphiQL, in a real browser: it changes by itself, stops, and comes back."""

import json
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest

from tests.graphql.test_graphiql import (
    BUTTON,
    RESULT,
    WATCH_POLICY,
    listening,
    run_first_operation,
    run_operation,
)
from tests.support.browser import Page, open_pages
from web.graphql.graphiql import read_operations

LIVE_TAB = next(
    index for index, tab in enumerate(read_operations()) if "MyBasketLive" in tab["query"]
)
FILL_TAB = 0
STORED_TABS = "(JSON.parse(localStorage.getItem('graphiql:tabState')) ?? {})"
NOTICE = "document.getElementById('notice').innerText"
IS_STOPPABLE = f"{BUTTON}.getAttribute('aria-label').startsWith('Stop')"


@pytest.fixture
async def pages(browser: int) -> AsyncIterator[list[Page]]:
    """Two pages of a browser, with nothing stored, which note every breach of the policy."""
    async with open_pages(browser, 2) as opened:
        for page in opened:
            await page.send("Page.enable")
            await page.send("Page.addScriptToEvaluateOnNewDocument", source=WATCH_POLICY)
        yield opened


async def open_tab(page: Page, address: str, index: int, text: str) -> None:
    """Opens GraphiQL, and shows one of its tabs."""
    await page.send("Page.navigate", url=f"{address}/graphql")
    await page.until(f"document.querySelectorAll('.graphiql-tab').length > {index}")
    await page.value(f"document.querySelectorAll('.graphiql-tab-button')[{index}].click()")
    shown = "document.querySelector('.graphiql-editors').innerText"
    await page.until(f"{shown}.includes({json.dumps(text)})")
    # GraphiQL stores its tabs a moment later, and the next window begins with them.
    await page.until(f"{STORED_TABS}.activeTabIndex == {index}")


async def shown_data(page: Page, text: str) -> dict[str, object]:
    """Waits until the result contains a text, and returns its data."""
    await page.until(f"{RESULT}.includes({json.dumps(text)})")
    # The editor shows spaces of its own kind.
    result = str(await page.value(RESULT)).replace("\xa0", " ")
    data: dict[str, object] = json.loads(result)["data"]
    return data


async def test_a_basket_changes_by_itself_when_another_window_adds_to_it(
    pages: list[Page], sqlite_url: str
) -> None:
    watching, adding = pages
    async with listening(sqlite_url, embedded=True) as address:
        await open_tab(watching, address, LIVE_TAB, "MyBasketLive")
        await run_operation(watching)
        assert await shown_data(watching, "activeBasket") == {"activeBasket": None}
        assert await watching.value(IS_STOPPABLE)

        await open_tab(adding, address, FILL_TAB, "FillMyBasket")
        await run_first_operation(adding)
        await watching.until(f"{RESULT}.includes('totalQuantity')")
        basket = (await shown_data(watching, "totalQuantity"))["activeBasket"]
        assert isinstance(basket, dict)
        assert (basket["version"], basket["totalQuantity"]) == (1, 4)
        assert [item["quantity"] for item in basket["items"]] == [3, 1]

        await watching.value(f"{BUTTON}.click()")
        await watching.until(f"!({IS_STOPPABLE})")
        await run_first_operation(adding)
        await adding.until(f"{RESULT}.includes('\"totalQuantity\": 8')")
        # It was stopped, and shows what it showed then.
        basket = (await shown_data(watching, "totalQuantity"))["activeBasket"]
        assert isinstance(basket, dict)
        assert basket["totalQuantity"] == 4
        await run_operation(watching)
        await watching.until(f"{RESULT}.includes('\"totalQuantity\": 8')")
        for page in pages:
            assert await page.value("window.violations") == []


async def test_a_lost_connection_is_said_and_comes_back(
    pages: list[Page], sqlite_url: str
) -> None:
    page, _ = pages
    async with listening(sqlite_url, embedded=True) as address:
        await open_tab(page, address, LIVE_TAB, "MyBasketLive")
        await run_operation(page)
        await shown_data(page, "activeBasket")
    await page.until(f"{NOTICE}.includes('The connection was lost')")
    port = int(address.rpartition(":")[2])
    async with listening(sqlite_url, embedded=True, port=port):
        await page.until(f"{NOTICE} == ''")
        assert await page.value(IS_STOPPABLE)


async def test_errors_of_a_subscription_are_shown(
    pages: list[Page], sqlite_url: str
) -> None:
    page, _ = pages
    async with listening(sqlite_url, embedded=True) as address:
        for query, message in (
            ("subscription { nothing }", "Cannot query field 'nothing'"),
            (
                'subscription { basketChanges(basketId: "basket_99") { isComplete } }',
                "no basket",
            ),
        ):
            link = urlencode({"query": query})
            await page.send("Page.navigate", url=f"{address}/graphql?{link}")
            await page.until(f"!!{BUTTON}")
            await run_operation(page)
            await page.until(f"{RESULT}.includes({json.dumps(message)})")
            await page.until(f"!({IS_STOPPABLE})")
