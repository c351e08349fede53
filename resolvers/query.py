"""The queries: everything that a buyer may read.

Errors here are GraphQL errors, for a query has no payload to carry rejections.
"""

from typing import Annotated

import strawberry
from strawberry import UNSET

from models.basket.read import ACTIVE, ALL_ACTIVE
from models.division import divisions_within
from models.export.export import find_export
from models.product.tables import NO_SEGMENT, find_product
from models.rejections import Rejection, RejectionCode
from resolvers.baskets import read_baskets
from resolvers.context import Info, active_buyer, check_text, parse_segment
from resolvers.lists import draft_baskets, quotations
from resolvers.node import find_basket, node
from resolvers.products import look_up_products
from schema.basket import Basket, BasketConnection
from schema.basket_export import BasketExport
from schema.division import Division
from schema.node import IdKind, Node, number_of
from schema.product import Product
from schema.quotation import QuotationConnection
from schema.viewer import Viewer

Segment = Annotated[
    int | None, strawberry.argument(description="The customer segment; none when left out.")
]


async def viewer(info: Info) -> Viewer:
    """Returns the caller also when their division is inactive, so that a client can say so."""
    buyer = info.context.buyer
    return Viewer.of(buyer, list(await divisions_within(buyer.division.id)))


async def active_basket(info: Info, segment_remote_id: Segment = UNSET) -> Basket | None:
    segment = parse_segment(None if segment_remote_id is UNSET else segment_remote_id)
    active_buyer(info)
    baskets = await read_baskets(info, ACTIVE, segment=segment)
    return baskets[0] if baskets else None


async def active_baskets(info: Info) -> list[Basket]:
    active_buyer(info)
    return await read_baskets(info, ALL_ACTIVE)


async def basket(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The basket's id.")],
) -> Basket | None:
    active_buyer(info)
    number = number_of(IdKind.BASKET, id)
    return None if number is None else await find_basket(info, number)


async def divisions(info: Info) -> list[Division]:
    found = await divisions_within(active_buyer(info).division.id)
    return [Division.of(division) for division in found if division.is_active]


async def product(
    info: Info,
    remote_id: Annotated[
        int | None, strawberry.argument(description="The product's identifier in Commerce.")
    ] = UNSET,
    sku: Annotated[
        str | None, strawberry.argument(description="The product's stock keeping unit.")
    ] = UNSET,
) -> Product | None:
    active_buyer(info)
    number = None if remote_id is UNSET else remote_id
    text = None if sku is UNSET else sku
    if (number is None) == (text is None):
        raise Rejection(
            RejectionCode.INVALID_INPUT,
            "Name the product by exactly one of remoteId and sku.",
            "remoteId",
        )
    if text is not None:
        check_text(text, "SKU", "sku")
    key = number if number is not None else text or ""
    found = await look_up_products(info.context, NO_SEGMENT, [key], only_fresh=True)
    known = found.products.get(key)
    if known is None:
        found.check_askable(key, "sku")
    row = await find_product(known.id) if known else None
    return Product.of(row) if row else None


async def basket_export(
    info: Info,
    cache_key: Annotated[
        str, strawberry.argument(description="The cache key that the mutation returned.")
    ],
) -> BasketExport | None:
    buyer = active_buyer(info)
    found = await find_export(cache_key)
    if found is None or found.user_id != buyer.id:
        return None
    return BasketExport.of(found, await info.context.exports.address(found))


@strawberry.type(description="What a buyer may read.")
class Query:
    node: Node | None = strawberry.field(
        resolver=node,
        description="Any object of the caller by its id; "
        "null when it is not theirs or does not exist.",
    )
    viewer: Viewer = strawberry.field(
        resolver=viewer,
        description="The caller: who they are and which divisions they may buy for.",
    )
    active_basket: Basket | None = strawberry.field(
        resolver=active_basket,
        description="The caller's active basket in a segment; "
        "null until something was added to it.",
    )
    active_baskets: list[Basket] = strawberry.field(
        resolver=active_baskets,
        description="All active baskets of the caller, one a segment.",
    )
    basket: Basket | None = strawberry.field(
        resolver=basket,
        description="One of the caller's baskets in any status; "
        "null when it is not theirs or does not exist.",
    )
    draft_baskets: BasketConnection = strawberry.field(
        resolver=draft_baskets, description="Saved baskets, most recently saved first."
    )
    quotations: QuotationConnection = strawberry.field(
        resolver=quotations, description="The caller's quotations, newest first."
    )
    divisions: list[Division] = strawberry.field(
        resolver=divisions,
        description="The divisions the caller may buy for; inactive ones are left out.",
    )
    product: Product | None = strawberry.field(
        resolver=product,
        description="A product as Commerce describes it now, by exactly one of its two keys.",
    )
    basket_export: BasketExport | None = strawberry.field(
        resolver=basket_export,
        description="The state of an export "
        "by the cache key that `basketExport` (the mutation) returned; "
        "null when unknown or not the caller's.",
    )
