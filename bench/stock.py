"""The stock server: the schema and tables as the documentation of its libraries shows them.

Rows are read with `prefetch_related`, and changed with `select_for_update`, F expressions and
`save` in a transaction; Strawberry's own executor and ASGI view answer, with the `json` module.
The rules that a request of the workloads can break are checked: own and sub-divisions only, known
and fresh products only, the limit of a quantity.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.types import Info
from tortoise import Tortoise
from tortoise.expressions import F
from tortoise.transactions import in_transaction

from bench.stock_types import (
    Basket,
    BasketConnection,
    BasketItemsAddInput,
    BasketItemsAddPayload,
    page_from_rows,
)
from models.basket import tables as baskets
from models.basket.tables import BasketStatus
from models.database.connection import MODULES
from models.division import Division
from models.product.tables import Product
from models.user import Token, User, hash_token

MAXIMUM_AGE = timedelta(seconds=300)
PREFETCHED = ("items__product", "items__divisions__division__parent")


class AdditionRejected(Exception):
    """Raised when an input breaks a rule."""


async def active_basket(user: User) -> baskets.Basket | None:
    """Reads the active basket with items, products, quantities and divisions."""
    return (
        await baskets.Basket.filter(user=user, segment=0, status=BasketStatus.ACTIVE)
        .prefetch_related(*PREFETCHED)
        .first()
    )


async def lock_active(user: User) -> baskets.Basket:
    """Locks the active basket, creating it where there is none."""
    now = datetime.now(UTC)
    await baskets.Basket.get_or_create(
        {"created_at": now, "updated_at": now, "version": 0},
        user=user,
        segment=0,
        status=BasketStatus.ACTIVE,
    )
    # get_or_create does not lock the row that it gets.
    basket = await baskets.Basket.select_for_update().get(
        user=user, segment=0, status=BasketStatus.ACTIVE
    )
    basket.version += 1
    basket.updated_at = now
    await basket.save(update_fields=["version", "updated_at"])
    return basket


async def check_division(user: User, division_id: str) -> Division:
    """Returns a division that the user may buy for; raises AdditionRejected."""
    division = await Division.get_or_none(id=int(division_id.removeprefix("division_")))
    if division is None or not division.is_active:
        raise AdditionRejected("There is no such division.")
    if user.division.id not in (division.id, getattr(division, "parent_id", None)):
        raise AdditionRejected("You may not buy for this division.")
    return division


async def add_item(
    basket: baskets.Basket, remote_id: int, division: Division, quantity: int
) -> None:
    """Adds to the quantity of a product for a division; raises AdditionRejected."""
    product = await Product.get(remote_id=remote_id, segment=0)
    item = await baskets.BasketItem.get_or_none(basket=basket, product=product)
    if item is None:
        if (
            not product.is_available
            or product.refreshed_at < datetime.now(UTC) - MAXIMUM_AGE
        ):
            raise AdditionRejected("The product is not for sale.")
        item = await baskets.BasketItem.create(
            basket=basket, product=product, price=product.price, currency=product.currency
        )
    quantities = baskets.BasketItemDivision.filter(item=item, division=division)
    # An expression: the quantity of another request is not lost.
    if not await quantities.update(quantity=F("quantity") + quantity):
        await baskets.BasketItemDivision.create(
            item=item, division=division, quantity=quantity
        )
    if await quantities.filter(quantity__gt=baskets.MAXIMUM_QUANTITY).exists():
        raise AdditionRejected("The quantity is too large.")


@strawberry.type
class Query:
    @strawberry.field
    async def active_basket(self, info: Info) -> Basket | None:
        row = await active_basket(info.context["user"])
        return Basket.from_row(row) if row else None

    @strawberry.field
    async def draft_baskets(self, info: Info, first: int = 20) -> BasketConnection:
        drafts = baskets.Basket.filter(user=info.context["user"], status=BasketStatus.DRAFT)
        rows = (
            await drafts.order_by("-saved_at", "-id")
            .limit(first + 1)
            .prefetch_related("items__divisions")
        )
        return page_from_rows(rows, first, await drafts.count())


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def basket_items_add(
        self, info: Info, input: BasketItemsAddInput
    ) -> BasketItemsAddPayload:
        user = info.context["user"]
        divisions = [await check_division(user, item.division_id) for item in input.items]
        async with in_transaction():
            basket = await lock_active(user)
            for item, division in zip(input.items, divisions, strict=True):
                await add_item(basket, item.product_remote_id, division, item.quantity)
            row = await active_basket(user)
        return BasketItemsAddPayload(
            basket=Basket.from_row(row) if row else None, user_errors=[]
        )


class AuthenticatedGraphQL(GraphQL[dict[str, Any], None]):
    """Strawberry's view, with the user of the token in the context."""

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Any:
        """Returns the context of the token's user; raises 401 for an unknown token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        stored = await Token.get_or_none(digest=hash_token(token.strip())).select_related(
            "user__division"
        )
        if stored is None or scheme.lower() != "token" or not stored.user.is_active:
            raise HTTPException(401)
        if not stored.user.division.is_active:
            raise HTTPException(403)
        return {"user": stored.user}


def create_stock(url: str) -> Starlette:
    """Returns the application of a database."""

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        await Tortoise.init(
            db_url=f"{url}?minsize=1&maxsize=20",
            modules={"models": MODULES},
            use_tz=True,
            timezone="UTC",
            _enable_global_fallback=True,
        )
        yield
        await Tortoise.close_connections()

    schema = strawberry.Schema(query=Query, mutation=Mutation)
    return Starlette(
        routes=[Route("/graphql", AuthenticatedGraphQL(schema))], lifespan=lifespan
    )
