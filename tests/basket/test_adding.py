"""The fast path of adding: it adds all lines, or changes nothing and leaves them to the slow path."""

import asyncio
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tortoise.transactions import in_transaction

from models.basket.add import Addition, RequestedLine, add_known_lines
from models.basket.catalogue import Catalogue
from models.basket.lock import open_active
from models.basket.read import ACTIVE, Wants
from models.basket.rows import BasketRows, FullBasket, Parts
from models.database.integers import LARGEST_INT
from models.division import Division
from models.history.record import Author, record_change, without_lines
from models.history.tables import ChangeKind, ChangeOrigin
from models.idempotency import KnownKey
from models.product.tables import Product
from models.user import Buyer, Buyers, hash_token
from tests.support.databases import waits_for_lock
from tests.support.service import Service, serve
from tests.support.shop import Shop
from tests.support.waiting import eventually

EVER, NEVER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


def line(product: int | str, division: int | str, quantity: int = 1) -> RequestedLine:
    """Makes a line of whichever keys are given."""
    remote_id, sku = (product, None) if isinstance(product, int) else (None, product)
    division_id, erp_code = (
        (division, None) if isinstance(division, int) else (None, division)
    )
    return RequestedLine(remote_id, sku, division_id, erp_code, quantity)


async def buyer(name: str) -> Buyer:
    """Returns one of the people."""
    found = await Buyers(0).find(hash_token(name))
    assert found is not None
    return found


async def add(
    *lines: RequestedLine, by: str = "main", full: bool = True, **more: Any
) -> BasketRows | None:
    """Adds lines at once to the basket without a segment."""
    options = {"expected_version": None, "confirmed_since": EVER} | more
    addition = Addition(
        buyer=await buyer(by),
        origin=ChangeOrigin.GRAPHQL,
        segment=0,
        lines=lines,
        **options,
    )
    added = await add_known_lines(Catalogue(), addition, Wants(items=full))
    assert not isinstance(added, KnownKey)
    return added


async def read_active(name: str = "main", *, full: bool = True) -> BasketRows:
    """Reads the active basket without a segment."""
    user_id = (await buyer(name)).id
    return await ACTIVE.read(Catalogue(), Wants(items=full), user_id=user_id, segment=0)


async def held(name: str = "main") -> list[tuple[Any, ...]]:
    """Returns what the active basket holds: version and, for each item, remote id, price and quantities."""
    baskets = (await read_active(name)).full_baskets()
    return [
        (
            str(basket.columns["version"]),
            [
                (product.columns["remote_id"], price, _quantities(parts))
                for product, price, parts in zip(
                    basket.products, basket.prices, basket.group_parts(), strict=True
                )
            ],
        )
        for basket in baskets
    ]


def _quantities(parts: Parts) -> str:
    return " ".join(
        f"{division} {quantity}" for division, quantity in zip(*parts, strict=True)
    )


@pytest.fixture
async def known(service: Service) -> Service:
    """The service, with products 1 to 3 known to it."""
    for product in (1, 2, 3):
        await service.other.accepted(
            "basketItemsAdd",
            items=[{"productRemoteId": product, "divisionErpCode": "ERP05"}],
        )
    return service


async def test_one_line_makes_the_basket_and_adds_to_it(known: Service) -> None:
    own = known.divisions["ERP01"].id
    assert await add(line(1, own, 3)) is not None
    assert await held() == [("1", [(1, 1055, f"{own} 3")])]
    assert await add(line("SKU01", "ERP01", 2)) is not None
    assert await held() == [("2", [(1, 1055, f"{own} 5")])]
    assert await add(line(2, "ERP01")) is not None
    assert await held() == [("3", [(1, 1055, f"{own} 5"), (2, 2000, f"{own} 1")])]


async def test_several_lines_are_added_in_their_order(known: Service) -> None:
    own, below = known.divisions["ERP01"].id, known.divisions["ERP02"].id
    lines = [
        line(3, own),
        line(1, below, 2),
        line("SKU03", "ERP02", 4),
        line(3, "ERP01", 5),
    ]
    assert await add(*lines) is not None
    assert await held() == [
        ("1", [(3, 1000, f"{own} 6 {below} 4"), (1, 1055, f"{below} 2")])
    ]
    assert await add(*lines) is not None
    assert await held() == [
        ("2", [(3, 1000, f"{own} 12 {below} 8"), (1, 1055, f"{below} 4")])
    ]


@pytest.mark.parametrize(
    "lines", [[line(1, "ERP01", 3)], [line(1, "ERP01", 2), line(2, "ERP02", 5)]]
)
async def test_the_basket_returned_is_the_one_that_is_read_afterwards(
    known: Service, lines: list[RequestedLine]
) -> None:
    await add(line(3, "ERP02", 7))
    returned = await add(*lines)
    assert returned is not None
    assert _contents(returned) == _contents(await read_active())
    summed = await add(*lines, full=False)
    assert summed == await read_active(full=False)


def _contents(read: BasketRows) -> list[dict[str, Any]]:
    """Returns the baskets with the contents of products and divisions, which two reads do not share."""
    return [
        {name: getattr(basket, name) for name in FullBasket.__slots__}
        | {
            "products": [product.columns for product in basket.products],
            "divisions": {key: row.columns for key, row in basket.divisions.items()},
        }
        for basket in read.full_baskets()
    ]


SLOW: dict[str, dict[str, Any]] = {
    "an unknown product": {"lines": [line(99, "ERP01")]},
    "an unknown product among others": {"lines": [line(1, "ERP01"), line(99, "ERP01")]},
    "an unknown division": {"lines": [line(1, "ERP99")]},
    "a division of another company": {"lines": [line(1, "ERP05")]},
    "a closed division": {"lines": [line(1, "ERP04")]},
    "the division above": {"lines": [line(1, "ERP01")], "by": "sub"},
    "a division's id beyond the column": {"lines": [line(1, LARGEST_INT + 1)]},
    "too many pieces": {"lines": [line(1, "ERP01", 1_000_000)]},
    "too many pieces in two lines": {
        "lines": [line(1, "ERP01", 600_000), line(1, "ERP01", 500_000)]
    },
    "a product confirmed too long ago": {
        "lines": [line(3, "ERP01")],
        "confirmed_since": NEVER,
    },
    "another version": {"lines": [line(1, "ERP01")], "expected_version": 7},
}


async def test_what_needs_the_slow_path_changes_nothing(known: Service) -> None:
    await add(line(1, "ERP01"), line(2, "ERP02"))
    await add(line(1, "ERP02"), by="sub")
    before = await held(), await held("sub")
    for name, case in SLOW.items():
        given = dict(case)
        assert (name, await add(*given.pop("lines"), **given)) == (name, None)
        assert (name, (await held(), await held("sub"))) == (name, before)


async def test_without_a_basket_nothing_is_made_by_what_is_rejected(known: Service) -> None:
    assert await add(line(99, "ERP01")) is None
    assert await add(line(99, "ERP01"), line(98, "ERP01")) is None
    assert await held() == []


async def test_the_expected_version_is_the_one_before(known: Service) -> None:
    assert await add(line(1, "ERP01"), expected_version=1) is None
    assert await add(line(1, "ERP01"), expected_version=0) is not None
    assert await add(line(1, "ERP01"), expected_version=1) is not None
    assert await add(line(1, "ERP01"), expected_version=1) is None


async def test_a_sku_that_has_moved_needs_the_slow_path(known: Service) -> None:
    await Product.filter(remote_id=2).update(sku="SKU01")
    assert await add(line("SKU01", "ERP01")) is None
    assert await add(line(1, "ERP01")) is not None


async def test_products_of_two_currencies_need_the_slow_path(known: Service) -> None:
    await add(line(1, "ERP01"))
    await Product.filter(remote_id=2).update(currency="eur")
    assert await add(line(2, "ERP01")) is None
    assert len((await held())[0][1]) == 1


MORE = pytest.mark.parametrize(
    "more", [[], [line(3, "ERP02")]], ids=["one line", "several lines"]
)


@MORE
async def test_what_is_held_is_added_however_old(
    known: Service, more: list[RequestedLine]
) -> None:
    await add(line(1, "ERP01"), line(3, "ERP01"))
    await Product.all().update(refreshed_at=EVER - timedelta(days=1))
    assert await add(line(1, "ERP01"), *more) is not None
    assert await add(line("SKU01", "ERP01"), *more) is None


@MORE
async def test_what_is_no_longer_sold_needs_the_slow_path_also_when_it_is_held(
    known: Service, more: list[RequestedLine]
) -> None:
    await add(line(1, "ERP01"))
    await Product.filter(remote_id__in=[1, 2]).update(is_available=False)
    for product in (1, 2, "SKU01", "SKU02"):
        assert await add(line(product, "ERP01"), *more) is None


@MORE
async def test_a_moved_sku_needs_the_slow_path(
    known: Service, more: list[RequestedLine]
) -> None:
    await add(line(1, "ERP01"))
    await Product.filter(remote_id__in=[1, 2]).update(owns_sku=False)
    assert await add(line("SKU01", "ERP01"), *more) is None
    assert await add(line(2, "ERP01"), *more) is None
    assert await add(line(1, "ERP01"), *more) is not None


async def test_a_change_that_was_a_moment_sooner_is_waited_for(
    postgres_url: str, shop: Shop
) -> None:
    async with serve(postgres_url, shop) as known:
        line_of_main = {"productRemoteId": 1, "divisionErpCode": "ERP01"}
        await known.main.accepted("basketItemsAdd", items=[line_of_main])
        async with in_transaction():
            basket = await open_active((await buyer("main")).id, 0, None)
            # It waits for the lock with the view of the database that it has now.
            waiting = asyncio.create_task(_added(line(1, "ERP01")), context=Context())
            await eventually(lambda: waits_for_lock(postgres_url), "The wait for the lock")
            assert not waiting.done()
            author = Author(None, ChangeOrigin.COMMAND_LINE)
            await record_change(basket, ChangeKind.RENAMED, author, without_lines(basket))
        assert await waiting is not None
        assert (await held())[0][0] == "3"


async def _added(*lines: RequestedLine) -> BasketRows | None:
    """Adds in a context of its own, which knows of no transaction."""
    return await add(*lines)


async def test_divisions_that_buyers_may_buy_for_are_those_of_the_slow_path(
    known: Service,
) -> None:
    for erp_code, may in {
        "ERP01": True,
        "ERP02": True,
        "ERP03": True,
        "ERP04": False,
        "ERP05": False,
    }.items():
        assert (await add(line(1, erp_code)) is not None) is may
    assert await Division.filter(erp_code="ERP02").update(is_active=False) == 1
    assert await add(line(1, "ERP02")) is None
