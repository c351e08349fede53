"""The subscriptions: queries that are answered again after every change.

Each resolver is called once per event. It says first which topic is watched and then reads it, so
that a change made meanwhile is noticed.
"""

from typing import Annotated

import strawberry
from strawberry import UNSET

from models.basket.read import ACTIVE, OWN
from models.export.export import UNFINISHED, find_export
from models.live.topic import TopicKey, TopicKind
from models.rejections import Rejection, RejectionCode
from resolvers.baskets import read_baskets
from resolvers.context import Info, active_buyer, live_read, parse_segment
from resolvers.query import Segment
from resolvers.requested_fields import find_delta_wants
from schema.basket import Basket, BasketDelta, find_delta
from schema.basket_export import BasketExport
from schema.node import IdKind, number_of


async def watch_active_basket(
    info: Info, segment_remote_id: Segment = UNSET
) -> Basket | None:
    segment = parse_segment(None if segment_remote_id is UNSET else segment_remote_id)
    buyer, live = active_buyer(info), live_read(info)
    live.follow(TopicKey(TopicKind.ACTIVE, buyer.id, segment))
    baskets = await read_baskets(info, ACTIVE, segment=segment)
    if not baskets:
        return None
    live.note_basket(baskets[0].number, baskets[0].version)
    return baskets[0]


async def watch_basket_changes(
    info: Info,
    basket_id: Annotated[
        strawberry.ID, strawberry.argument(description="The basket's id.")
    ],
    since_version: Annotated[
        int | None,
        strawberry.argument(
            description="The `version` that the client has; without one, "
            "the first event has the whole basket."
        ),
    ] = UNSET,
) -> BasketDelta:
    buyer, live = active_buyer(info), live_read(info)
    number = number_of(IdKind.BASKET, basket_id)
    given = None if since_version is UNSET else since_version
    # Only the first event starts from the client's version, the others from the event before.
    since = given if live.since is None else live.since
    if number is not None:
        live.follow(TopicKey(TopicKind.BASKET, buyer.id, number))
        wants = find_delta_wants(info, since)
        for basket in await read_baskets(info, OWN, wants, basket_id=number):
            live.note_basket(basket.number, basket.version)
            return find_delta(basket, since or 0)
    live.end()
    raise Rejection(
        RejectionCode.BASKET_NOT_FOUND, "You have no basket with this id.", "basketId"
    )


async def watch_basket_export(
    info: Info,
    cache_key: Annotated[
        str, strawberry.argument(description="The cache key that the mutation returned.")
    ],
) -> BasketExport:
    buyer, live = active_buyer(info), live_read(info)
    found = await find_export(cache_key)
    if found is None or found.user_id != buyer.id:
        live.end()
        raise Rejection(
            RejectionCode.INVALID_INPUT,
            "You have no export with this cache key.",
            "cacheKey",
        )
    if live.follow(TopicKey(TopicKind.EXPORT, buyer.id, found.id)):
        # It may have gone on before it was watched.
        found = await find_export(cache_key) or found
    is_over = found.status not in UNFINISHED
    live.note_export(found.status, found.rows_written, is_over=is_over)
    return BasketExport.of(found, await info.context.exports.address(found))


@strawberry.type(description="What a buyer may watch.")
class Subscription:
    active_basket: Basket | None = strawberry.field(
        resolver=watch_active_basket,
        description="The active basket of a segment: first as it is now, "
        "then after every change made to it from any device; null while there is none.",
    )
    basket_changes: BasketDelta = strawberry.field(
        resolver=watch_basket_changes,
        description="What changed in one of the caller's baskets "
        "since a version the client has: first what it missed, "
        "then every change as it happens. Ends when the basket is deleted.",
    )
    basket_export: BasketExport = strawberry.field(
        resolver=watch_basket_export,
        description="An export: first as it is now, then at every step; "
        "ends when it is completed or failed.",
    )
