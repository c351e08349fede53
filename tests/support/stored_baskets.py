"""Baskets, their items and their history as rows, written without the application."""

from datetime import timedelta

from models.basket.tables import Basket, BasketItem, BasketItemDivision, BasketStatus
from models.division import Division
from models.history.tables import BasketChange, ChangeKind, ChangeOrigin
from models.product.tables import Product
from models.timestamps import now
from models.user import User


async def make_basket(version: int) -> Basket:
    """Writes a draft of a version, without items and without a history."""
    user = await User.get(email="main@example.invalid")
    return await Basket.create(
        user=user,
        status=BasketStatus.DRAFT,
        version=version,
        created_at=now(),
        updated_at=now(),
    )


async def make_history(basket: Basket, first: int, days: float = 0.0) -> None:
    """Writes a change for each version of a basket, from the first on, some days ago."""
    await BasketChange.bulk_create(
        [
            BasketChange(
                basket_id=basket.id,
                version=version,
                kind=ChangeKind.ITEMS_ADDED,
                origin=ChangeOrigin.GRAPHQL,
                created_at=now() - timedelta(days=days),
                total_amount=100,
                total_quantity=1,
                line_count=0,
            )
            for version in range(first, basket.version + 1)
        ],
        batch_size=1_000,
    )


async def make_products(count: int) -> list[Product]:
    """Writes products with the remote ids from 1 on; each costs its remote id."""
    await Product.bulk_create(
        [
            Product(
                remote_id=number,
                sku=f"SKU{number}",
                price=100 * number,
                currency="try",
                in_stock=True,
                is_available=True,
                refreshed_at=now(),
            )
            for number in range(1, count + 1)
        ]
    )
    return await Product.all().order_by("remote_id")


async def add_items(basket: Basket, products: list[Product], quantity: int) -> None:
    """Writes an item per product, with a quantity for each of two divisions, and the totals."""
    divisions = await Division.filter(erp_code__in=["ERP01", "ERP02"]).order_by("id")
    for product in products:
        item = await BasketItem.create(
            basket=basket, product=product, price=product.price, currency=product.currency
        )
        for division in divisions:
            await BasketItemDivision.create(item=item, division=division, quantity=quantity)
    basket.item_count = len(products)
    basket.total_quantity = 2 * quantity * len(products)
    basket.total_amount = 2 * quantity * sum(product.price for product in products)
    basket.currency = "try" if products else None
    await basket.save()
