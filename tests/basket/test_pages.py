"""Pages in both directions: every entry once, truthful flags, and nothing but a list's own cursors."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.page import Cursors, InvalidPage, PageArguments, part_of
from tests.support.service import Caller, Service

LISTS = {
    "draftBaskets": "draftBaskets(%s) { %s }",
    "quotations": "quotations(%s) { %s }",
    "itemsPage": "activeBasket { itemsPage(%s) { %s } }",
}
PAGE = "totalCount edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
COUNT = 5


async def add(caller: Caller, *products: int) -> None:
    """Adds products."""
    items = [{"productRemoteId": each, "divisionErpCode": "ERP02"} for each in products]
    await caller.accepted("basketItemsAdd", items=items)


async def fill(service: Service, caller: Caller) -> None:
    """Makes COUNT drafts, quotations and items."""
    for number in range(3, COUNT + 1):
        service.shop.sell(number, "1.00")
    for number in range(COUNT):
        await add(caller, 1)
        await caller.accepted("basketSave", name=f"Draft {number}")
        await add(caller, 1)
        await caller.change(
            "quotationRequest", "quotation { id }", name=f"Quotation {number}"
        )
    await add(caller, *range(1, COUNT + 1))


async def page_of(
    caller: Caller, name: str, arguments: str, selection: str = PAGE
) -> dict[str, Any]:
    """Reads a page of a list."""
    data = await caller.query(f"{{ {LISTS[name] % (arguments, selection)} }}")
    page: dict[str, Any] = (
        data["activeBasket"]["itemsPage"] if name == "itemsPage" else data[name]
    )
    return page


async def code_of(caller: Caller, name: str, arguments: str) -> str:
    """Requests a page that must be rejected, and returns the code."""
    response = await caller.post(
        f"{{ {LISTS[name] % (arguments, 'totalCount edges { cursor }')} }}"
    )
    content = response.json()
    assert "errors" in content, (arguments, content)
    (error,) = content["errors"]
    code: str = error["extensions"]["code"]
    return code


async def test_pages_of_every_size_hold_every_entry_once_in_both_directions(
    service: Service,
) -> None:
    await fill(service, service.main)
    await fill(service, service.sub)
    for name in LISTS:
        everything = await page_of(service.main, name, "first: 100")
        ids = [edge["node"]["id"] for edge in everything["edges"]]
        assert (len(set(ids)), everything["totalCount"]) == (COUNT, COUNT)
        for size, (take, bound) in product(
            range(1, COUNT + 1), (("first", "after"), ("last", "before"))
        ):
            seen: list[str] = []
            cursor, is_first, has_more = "", True, True
            while has_more:
                page = await page_of(service.main, name, f"{take}: {size}{cursor}")
                found, info = (
                    [edge["node"]["id"] for edge in page["edges"]],
                    page["pageInfo"],
                )
                forward = take == "first"
                seen = seen + found if forward else found + seen
                has_more = info["hasNextPage" if forward else "hasPreviousPage"]
                assert has_more == (len(seen) < COUNT)
                assert info["hasPreviousPage" if forward else "hasNextPage"] == (
                    not is_first
                )
                cursors = [edge["cursor"] for edge in page["edges"]]
                assert [info["startCursor"], info["endCursor"]] == [cursors[0], cursors[-1]]
                cursor, is_first = f', {bound}: "{cursors[-1 if forward else 0]}"', False
            assert seen == ids


async def test_a_cursor_at_either_end_bounds_an_empty_page_that_tells_the_truth(
    service: Service,
) -> None:
    await fill(service, service.main)
    for name in LISTS:
        edges = (await page_of(service.main, name, "first: 100"))["edges"]
        empty = {"startCursor": None, "endCursor": None}
        after = await page_of(
            service.main, name, f'first: 2, after: "{edges[-1]["cursor"]}"'
        )
        assert (after["edges"], after["pageInfo"]) == (
            [],
            {"hasNextPage": False, "hasPreviousPage": True, **empty},
        )
        before = await page_of(
            service.main, name, f'last: 2, before: "{edges[0]["cursor"]}"'
        )
        assert (before["edges"], before["pageInfo"]) == (
            [],
            {"hasNextPage": True, "hasPreviousPage": False, **empty},
        )
        for arguments in (
            "",
            "first: null, last: null",
            "after: null",
            f'before: "{edges[-1]["cursor"]}"',
        ):
            page = await page_of(service.main, name, arguments) if arguments else None
            expected = COUNT - 1 if arguments.startswith("before") else COUNT
            assert page is None or len(page["edges"]) == expected


async def test_an_empty_list_has_an_empty_page_in_both_directions(service: Service) -> None:
    for name, arguments in product(("draftBaskets", "quotations"), ("first: 3", "last: 3")):
        page = await page_of(service.main, name, arguments)
        assert page["edges"] == []
        assert page["pageInfo"] == {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": None,
        }


async def test_a_cursor_stays_good_when_its_entry_is_gone(service: Service) -> None:
    await fill(service, service.main)
    edges = (await page_of(service.main, "itemsPage", "first: 100"))["edges"]
    await service.main.accepted("basketItemRemove", productRemoteId=3)
    page = await page_of(
        service.main, "itemsPage", f'first: 1, after: "{edges[2]["cursor"]}"'
    )
    assert page["edges"] == [edges[3]]
    page = await page_of(
        service.main, "itemsPage", f'last: 1, before: "{edges[2]["cursor"]}"'
    )
    assert page["edges"] == [edges[1]]


async def test_what_is_no_page_is_an_error_with_a_code(service: Service) -> None:
    await add(service.main, 1)
    for name in LISTS:
        for arguments in (
            "first: 0", "first: -1", "first: 101", "last: 0", "last: 101", "first: 1000",
            "first: 1, last: 1", 'first: 1, before: "x"', 'last: 1, after: "x"', 'after: "x", before: "x"',
        ):  # fmt: skip
            assert (arguments, await code_of(service.main, name, arguments)) == (
                arguments,
                "INVALID_INPUT",
            )


def encoded(text: str) -> str:
    """Writes a cursor by hand."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


async def test_no_cursor_but_a_lists_own_is_taken(service: Service) -> None:
    await fill(service, service.main)
    await fill(service, service.sub)
    for name in LISTS:
        own = (await page_of(service.main, name, "first: 1"))["edges"][0]["cursor"]
        foreign = [
            (await page_of(service.main, each, "first: 1"))["edges"][0]["cursor"]
            for each in LISTS
            if each != name
        ]
        foreign.append((await page_of(service.sub, name, "first: 1"))["edges"][0]["cursor"])
        text = urlsafe_b64decode(own + "=" * (-len(own) % 4)).decode()
        scope, _, number = text.rpartition(" ")
        numbers = [
            "-1", "0", "+1", "01", "1.0", "1e3", "x", "", "٣", str(2**63), str(2**64), str(-(10**30)), str(10**30),
            "9" * 5_000, f"{number} {number}",
        ]  # fmt: skip
        crafted = [encoded(f"{scope} {each}") for each in numbers]
        crafted += [
            "",
            " ",
            "x",
            "////",
            own + "=",
            own + " ",
            f"{own}A",
            own.swapcase(),
            "\\u0000",
            "🏃",
            number,
        ]
        if name != "itemsPage":
            before, _, moment = scope.rpartition(" ")
            moments = [
                "0001-01-01T00:00:00.000000+14:00", "9999-12-31T23:59:59.999999-14:00", moment[:-6], moment + "Z", "x",
                moment.replace("+00:00", "+01:00"), moment.replace("T", "t"), "infinity", "-infinity", "",
            ]  # fmt: skip
            crafted += [encoded(f"{before} {each} {number}") for each in moments]
        for cursor, (take, bound) in product(
            [*foreign, *crafted], (("first", "after"), ("last", "before"))
        ):
            code = await code_of(service.main, name, f'{take}: 1, {bound}: "{cursor}"')
            assert (cursor, code) == (cursor, "INVALID_INPUT")
        assert (
            len((await page_of(service.main, name, f'first: 1, after: "{own}"'))["edges"])
            == 1
        )


numbers = st.lists(st.integers(1, 30), unique=True).map(sorted)


@settings(deadline=None)
@given(
    numbers=numbers,
    size=st.integers(1, 100),
    bound=st.none() | st.integers(0, 31),
    is_backward=st.booleans(),
)
def test_a_part_in_memory_is_as_the_list_says(
    numbers: list[int], size: int, bound: int | None, is_backward: bool
) -> None:
    arguments = PageArguments(last=size) if is_backward else PageArguments(first=size)
    part = part_of(numbers, arguments.request(), bound)
    within = [
        each
        for each in numbers
        if bound is None or (each < bound if is_backward else each > bound)
    ]
    page = within[-size:] if is_backward else within[:size]
    assert numbers[part.begin : part.end] == page
    assert part.has_previous == (numbers[: part.begin] != [])
    assert part.has_next == (numbers[part.end :] != [])


@settings(deadline=None)
@given(text=st.text() | st.binary().map(lambda data: urlsafe_b64encode(data).decode()))
def test_any_text_is_a_cursor_or_rejected(text: str) -> None:
    cursors = Cursors("items", 7)
    request = PageArguments(after=text).request()
    for read in (cursors.number, cursors.moment):
        with pytest.raises(InvalidPage, match="not a cursor of this list"):
            read(request)
