"""The mutations. Each is one unit of work, and answers rejections as data."""

from typing import Annotated

import strawberry

from resolvers.basket_copy import BasketCopy
from resolvers.basket_export import BasketExportChange
from resolvers.basket_import import BasketImport
from resolvers.basket_items import BasketClear, BasketItemRemove, BasketItemUpdate
from resolvers.basket_items_add import BasketItemsAdd
from resolvers.basket_items_set import BasketItemsSet
from resolvers.basket_refresh import BasketRefresh
from resolvers.basket_revert import BasketRevert
from resolvers.basket_status import (
    BasketDelete,
    BasketLoad,
    BasketRename,
    BasketSave,
    QuotationRequest,
)
from resolvers.baskets import prepare_parts
from resolvers.context import Info
from resolvers.listed_outcomes import count_accepted, list_outcomes
from resolvers.outcome import Outcome
from resolvers.payloads import (
    BasketClearPayload,
    BasketCopyPayload,
    BasketDeletePayload,
    BasketExportPayload,
    BasketImportPayload,
    BasketItemRemovePayload,
    BasketItemsAddPayload,
    BasketItemsSetPayload,
    BasketItemUpdatePayload,
    BasketLoadPayload,
    BasketRefreshPayload,
    BasketRenamePayload,
    BasketRevertPayload,
    BasketSavePayload,
    QuotationRequestPayload,
)
from resolvers.requested_fields import find_parts, find_wants
from resolvers.unit_of_work import AnyInput, Change, carry_out
from schema.inputs import (
    BasketClearInput,
    BasketCopyInput,
    BasketDeleteInput,
    BasketExportInput,
    BasketImportInput,
    BasketItemRemoveInput,
    BasketItemsAddInput,
    BasketItemsSetInput,
    BasketItemUpdateInput,
    BasketLoadInput,
    BasketRefreshInput,
    BasketRenameInput,
    BasketRevertInput,
    BasketSaveInput,
    QuotationRequestInput,
)

INPUT = strawberry.argument(
    description="The input; what it rejects comes back as user errors."
)


async def _make_change(
    kind: type[Change[AnyInput]], info: Info, input: AnyInput
) -> Outcome:
    parts = find_parts(info)
    wants = find_wants(info, parts)
    outcome = await carry_out(kind, info.context, input, wants=wants)
    # After the commit: the history up to the version that was read does not change any more.
    baskets = [each for each in (outcome.basket, outcome.displaced_basket) if each]
    await prepare_parts(info, parts, baskets)
    return outcome


@strawberry.type(description="What a buyer may change.")
class Mutation:
    @strawberry.mutation(
        description="Add products, one or many. "
        "A product already in the basket for that division gains the quantity. "
        "Every fault of every line is in one answer."
    )
    async def basket_items_add(
        self, info: Info, input: Annotated[BasketItemsAddInput, INPUT]
    ) -> BasketItemsAddPayload:
        outcome = await _make_change(BasketItemsAdd, info, input)
        return BasketItemsAddPayload(
            basket=outcome.basket,
            outcomes=await list_outcomes(info, outcome, input),
            accepted_count=count_accepted(outcome, input.items),
            user_errors=outcome.user_errors,
        )

    @strawberry.mutation(
        description="Set quantities, one or many: a grid of products and divisions in one call. "
        "Sending it again changes nothing more."
    )
    async def basket_items_set(
        self, info: Info, input: Annotated[BasketItemsSetInput, INPUT]
    ) -> BasketItemsSetPayload:
        outcome = await _make_change(BasketItemsSet, info, input)
        return BasketItemsSetPayload(
            basket=outcome.basket,
            removed_item_ids=outcome.removed_item_ids,
            outcomes=await list_outcomes(info, outcome, input),
            accepted_count=count_accepted(outcome, input.items),
            user_errors=outcome.user_errors,
        )

    @strawberry.mutation(
        description="Set the quantity of a product for one division; "
        "0 removes it for that division."
    )
    async def basket_item_update(
        self, info: Info, input: Annotated[BasketItemUpdateInput, INPUT]
    ) -> BasketItemUpdatePayload:
        outcome = await _make_change(BasketItemUpdate, info, input)
        return BasketItemUpdatePayload(
            basket=outcome.basket,
            removed_item_ids=outcome.removed_item_ids,
            user_errors=outcome.user_errors,
        )

    @strawberry.mutation(description="Remove a product from the basket, for all divisions.")
    async def basket_item_remove(
        self, info: Info, input: Annotated[BasketItemRemoveInput, INPUT]
    ) -> BasketItemRemovePayload:
        outcome = await _make_change(BasketItemRemove, info, input)
        return BasketItemRemovePayload(
            basket=outcome.basket,
            removed_item_ids=outcome.removed_item_ids,
            user_errors=outcome.user_errors,
        )

    @strawberry.mutation(description="Remove everything from the active basket.")
    async def basket_clear(
        self, info: Info, input: Annotated[BasketClearInput, INPUT]
    ) -> BasketClearPayload:
        outcome = await _make_change(BasketClear, info, input)
        return BasketClearPayload(
            basket=outcome.basket,
            removed_item_ids=outcome.removed_item_ids,
            user_errors=outcome.user_errors,
        )

    @strawberry.mutation(description="Name the active basket and keep it as a draft.")
    async def basket_save(
        self, info: Info, input: Annotated[BasketSaveInput, INPUT]
    ) -> BasketSavePayload:
        outcome = await _make_change(BasketSave, info, input)
        return BasketSavePayload(basket=outcome.basket, user_errors=outcome.user_errors)

    @strawberry.mutation(
        description="Make a draft the active basket again. "
        "A non-empty active basket of that segment becomes an unnamed draft."
    )
    async def basket_load(
        self, info: Info, input: Annotated[BasketLoadInput, INPUT]
    ) -> BasketLoadPayload:
        outcome = await _make_change(BasketLoad, info, input)
        return BasketLoadPayload(
            basket=outcome.basket,
            displaced_basket=outcome.displaced_basket,
            deleted_basket_id=outcome.deleted_basket_id,
            user_errors=outcome.user_errors,
        )

    @strawberry.mutation(description="Delete a draft.")
    async def basket_delete(
        self, info: Info, input: Annotated[BasketDeleteInput, INPUT]
    ) -> BasketDeletePayload:
        outcome = await _make_change(BasketDelete, info, input)
        return BasketDeletePayload(
            deleted_basket_id=outcome.deleted_basket_id, user_errors=outcome.user_errors
        )

    @strawberry.mutation(description="Give a draft another name.")
    async def basket_rename(
        self, info: Info, input: Annotated[BasketRenameInput, INPUT]
    ) -> BasketRenamePayload:
        outcome = await _make_change(BasketRename, info, input)
        return BasketRenamePayload(basket=outcome.basket, user_errors=outcome.user_errors)

    @strawberry.mutation(
        description="Put the items of any of the caller's baskets (draft, submitted, "
        "another segment's) into the active basket at today's prices. The source is not used up."
    )
    async def basket_copy(
        self, info: Info, input: Annotated[BasketCopyInput, INPUT]
    ) -> BasketCopyPayload:
        outcome = await _make_change(BasketCopy, info, input)
        return BasketCopyPayload(
            basket=outcome.basket,
            removed_item_ids=outcome.removed_item_ids,
            outcomes=outcome.line_outcomes,
            accepted_count=outcome.accepted_count,
            user_errors=outcome.user_errors,
        )

    @strawberry.mutation(
        description="Fetch current prices from Commerce for every item of the active basket "
        "and say what changed."
    )
    async def basket_refresh(
        self, info: Info, input: Annotated[BasketRefreshInput, INPUT]
    ) -> BasketRefreshPayload:
        outcome = await _make_change(BasketRefresh, info, input)
        return BasketRefreshPayload(
            basket=outcome.basket,
            price_changes=outcome.changed_items,
            unavailable=outcome.unavailable_items,
            user_errors=outcome.user_errors,
        )

    @strawberry.mutation(
        description="Give the active basket the quantities of an earlier version, as a new one. "
        "Products that come back get today's price; those that cannot are in `outcomes`."
    )
    async def basket_revert(
        self, info: Info, input: Annotated[BasketRevertInput, INPUT]
    ) -> BasketRevertPayload:
        outcome = await _make_change(BasketRevert, info, input)
        return BasketRevertPayload(
            basket=outcome.basket,
            removed_item_ids=outcome.removed_item_ids,
            outcomes=outcome.line_outcomes,
            accepted_count=outcome.accepted_count,
            user_errors=outcome.user_errors,
        )

    @strawberry.mutation(description="Start writing a basket to a file.")
    async def basket_export(
        self, info: Info, input: Annotated[BasketExportInput, INPUT]
    ) -> BasketExportPayload:
        outcome = await _make_change(BasketExportChange, info, input)
        return BasketExportPayload(
            export=outcome.requested_export, user_errors=outcome.user_errors
        )

    @strawberry.mutation(
        description="Add many products from a spreadsheet "
        "with the columns product__sku, quantity, division__erp_code."
    )
    async def basket_import(
        self, info: Info, input: Annotated[BasketImportInput, INPUT]
    ) -> BasketImportPayload:
        outcome = await _make_change(BasketImport, info, input)
        return BasketImportPayload(
            basket=outcome.basket,
            report=outcome.report,
            user_errors=outcome.user_errors,
        )

    @strawberry.mutation(
        description="Issue a quotation request: "
        "the active basket becomes submitted and can no longer change."
    )
    async def quotation_request(
        self, info: Info, input: Annotated[QuotationRequestInput, INPUT]
    ) -> QuotationRequestPayload:
        outcome = await _make_change(QuotationRequest, info, input)
        return QuotationRequestPayload(
            quotation=outcome.requested_quotation,
            basket=outcome.basket,
            problems=outcome.blocking_problems,
            user_errors=outcome.user_errors,
        )
