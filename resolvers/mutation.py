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
from resolvers.unit_of_work import Change, Input, carry_out
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


async def _answer(kind: type[Change[Input]], info: Info, input: Input) -> Outcome:
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
        answer = await _answer(BasketItemsAdd, info, input)
        return BasketItemsAddPayload(
            basket=answer.basket,
            outcomes=await list_outcomes(info, answer, input),
            accepted_count=count_accepted(answer, input.items),
            user_errors=answer.user_errors,
        )

    @strawberry.mutation(
        description="Set quantities, one or many: a grid of products and divisions in one call. "
        "Sending it again changes nothing more."
    )
    async def basket_items_set(
        self, info: Info, input: Annotated[BasketItemsSetInput, INPUT]
    ) -> BasketItemsSetPayload:
        answer = await _answer(BasketItemsSet, info, input)
        return BasketItemsSetPayload(
            basket=answer.basket,
            removed_item_ids=answer.removed_item_ids,
            outcomes=await list_outcomes(info, answer, input),
            accepted_count=count_accepted(answer, input.items),
            user_errors=answer.user_errors,
        )

    @strawberry.mutation(
        description="Set the quantity of a product for one division; "
        "0 removes it for that division."
    )
    async def basket_item_update(
        self, info: Info, input: Annotated[BasketItemUpdateInput, INPUT]
    ) -> BasketItemUpdatePayload:
        answer = await _answer(BasketItemUpdate, info, input)
        return BasketItemUpdatePayload(
            basket=answer.basket,
            removed_item_ids=answer.removed_item_ids,
            user_errors=answer.user_errors,
        )

    @strawberry.mutation(description="Remove a product from the basket, for all divisions.")
    async def basket_item_remove(
        self, info: Info, input: Annotated[BasketItemRemoveInput, INPUT]
    ) -> BasketItemRemovePayload:
        answer = await _answer(BasketItemRemove, info, input)
        return BasketItemRemovePayload(
            basket=answer.basket,
            removed_item_ids=answer.removed_item_ids,
            user_errors=answer.user_errors,
        )

    @strawberry.mutation(description="Remove everything from the active basket.")
    async def basket_clear(
        self, info: Info, input: Annotated[BasketClearInput, INPUT]
    ) -> BasketClearPayload:
        answer = await _answer(BasketClear, info, input)
        return BasketClearPayload(
            basket=answer.basket,
            removed_item_ids=answer.removed_item_ids,
            user_errors=answer.user_errors,
        )

    @strawberry.mutation(description="Name the active basket and keep it as a draft.")
    async def basket_save(
        self, info: Info, input: Annotated[BasketSaveInput, INPUT]
    ) -> BasketSavePayload:
        answer = await _answer(BasketSave, info, input)
        return BasketSavePayload(basket=answer.basket, user_errors=answer.user_errors)

    @strawberry.mutation(
        description="Make a draft the active basket again. "
        "A non-empty active basket of that segment becomes an unnamed draft."
    )
    async def basket_load(
        self, info: Info, input: Annotated[BasketLoadInput, INPUT]
    ) -> BasketLoadPayload:
        answer = await _answer(BasketLoad, info, input)
        return BasketLoadPayload(
            basket=answer.basket,
            displaced_basket=answer.displaced_basket,
            deleted_basket_id=answer.deleted_basket_id,
            user_errors=answer.user_errors,
        )

    @strawberry.mutation(description="Delete a draft.")
    async def basket_delete(
        self, info: Info, input: Annotated[BasketDeleteInput, INPUT]
    ) -> BasketDeletePayload:
        answer = await _answer(BasketDelete, info, input)
        return BasketDeletePayload(
            deleted_basket_id=answer.deleted_basket_id, user_errors=answer.user_errors
        )

    @strawberry.mutation(description="Give a draft another name.")
    async def basket_rename(
        self, info: Info, input: Annotated[BasketRenameInput, INPUT]
    ) -> BasketRenamePayload:
        answer = await _answer(BasketRename, info, input)
        return BasketRenamePayload(basket=answer.basket, user_errors=answer.user_errors)

    @strawberry.mutation(
        description="Put the items of any of the caller's baskets (draft, submitted, "
        "another segment's) into the active basket at today's prices. The source is not used up."
    )
    async def basket_copy(
        self, info: Info, input: Annotated[BasketCopyInput, INPUT]
    ) -> BasketCopyPayload:
        answer = await _answer(BasketCopy, info, input)
        return BasketCopyPayload(
            basket=answer.basket,
            removed_item_ids=answer.removed_item_ids,
            outcomes=answer.line_outcomes,
            accepted_count=answer.accepted_count,
            user_errors=answer.user_errors,
        )

    @strawberry.mutation(
        description="Fetch current prices from Commerce for every item of the active basket "
        "and say what changed."
    )
    async def basket_refresh(
        self, info: Info, input: Annotated[BasketRefreshInput, INPUT]
    ) -> BasketRefreshPayload:
        answer = await _answer(BasketRefresh, info, input)
        return BasketRefreshPayload(
            basket=answer.basket,
            price_changes=answer.changed_items,
            unavailable=answer.unavailable_items,
            user_errors=answer.user_errors,
        )

    @strawberry.mutation(
        description="Give the active basket the quantities of an earlier version, as a new one. "
        "Products that come back get today's price; those that cannot are in `outcomes`."
    )
    async def basket_revert(
        self, info: Info, input: Annotated[BasketRevertInput, INPUT]
    ) -> BasketRevertPayload:
        answer = await _answer(BasketRevert, info, input)
        return BasketRevertPayload(
            basket=answer.basket,
            removed_item_ids=answer.removed_item_ids,
            outcomes=answer.line_outcomes,
            accepted_count=answer.accepted_count,
            user_errors=answer.user_errors,
        )

    @strawberry.mutation(description="Start writing a basket to a file.")
    async def basket_export(
        self, info: Info, input: Annotated[BasketExportInput, INPUT]
    ) -> BasketExportPayload:
        answer = await _answer(BasketExportChange, info, input)
        return BasketExportPayload(
            export=answer.requested_export, user_errors=answer.user_errors
        )

    @strawberry.mutation(
        description="Add many products from a spreadsheet "
        "with the columns product__sku, quantity, division__erp_code."
    )
    async def basket_import(
        self, info: Info, input: Annotated[BasketImportInput, INPUT]
    ) -> BasketImportPayload:
        answer = await _answer(BasketImport, info, input)
        return BasketImportPayload(
            basket=answer.basket,
            report=answer.report,
            user_errors=answer.user_errors,
        )

    @strawberry.mutation(
        description="Issue a quotation request: "
        "the active basket becomes submitted and can no longer change."
    )
    async def quotation_request(
        self, info: Info, input: Annotated[QuotationRequestInput, INPUT]
    ) -> QuotationRequestPayload:
        answer = await _answer(QuotationRequest, info, input)
        return QuotationRequestPayload(
            quotation=answer.requested_quotation,
            basket=answer.basket,
            problems=answer.blocking_problems,
            user_errors=answer.user_errors,
        )
