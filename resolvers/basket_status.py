"""The status of a basket: save, load, rename, delete, submit."""

from dataclasses import replace

from models.basket.lock import lock_active
from models.basket.problems import find_basket_problems, has_blocking_problem
from models.basket.read import ITEMS, OWN
from models.basket.status import (
    delete_draft,
    load_draft,
    rename_draft,
    save_active,
    submit_active,
)
from models.division import DivisionType
from models.quotation import QuotationStatus, issue_quotation
from models.rejections import Rejection, RejectionCode
from resolvers.context import check_text, parse_segment
from resolvers.outcome import Outcome, rejected
from resolvers.unit_of_work import Change
from schema.inputs import (
    BasketDeleteInput,
    BasketLoadInput,
    BasketRenameInput,
    BasketSaveInput,
    QuotationRequestInput,
)
from schema.node import IdKind, number_of
from text import is_blank, quote, trim


def parse_name(text: str) -> str:
    """Returns a name without the spaces around it; raises NAME_REQUIRED or INVALID_INPUT."""
    name = trim(text)
    if is_blank(name):
        raise Rejection(
            RejectionCode.NAME_REQUIRED, f"The name {quote(text)} is blank.", "name"
        )
    check_text(name, "name", "name")
    return name


class BasketSave(Change[BasketSaveInput]):
    """Names the active basket and keeps it as a draft."""

    async def apply(self) -> Outcome:
        """Saves the basket."""
        segment, name = parse_segment(self.input.segment_remote_id), self.name()
        basket_id = await save_active(
            self.author, self.buyer.id, segment, name, self.input.expected_version
        )
        return Outcome(baskets=await self.read(basket_id))

    def name(self) -> str | None:
        """Returns the name of the draft; raises NAME_REQUIRED or INVALID_INPUT."""
        return parse_name(self.input.name)


class UnnamedSave(BasketSave):
    """Keeps the active basket as a draft without a name, which only REST allows."""

    def name(self) -> str | None:
        """Returns no name."""
        return None


class BasketLoad(Change[BasketLoadInput]):
    """Makes a draft the active basket again."""

    async def apply(self) -> Outcome:
        """Loads the draft."""
        draft_id = number_of(IdKind.BASKET, self.input.basket_id)
        basket_id, displaced_id, deleted_id = await load_draft(
            self.author, self.buyer.id, draft_id
        )
        return Outcome(
            baskets=await self.read(basket_id),
            displaced=await self.read(displaced_id) if displaced_id is not None else None,
            deleted_id=deleted_id,
        )


class BasketRename(Change[BasketRenameInput]):
    """Gives a draft another name."""

    async def apply(self) -> Outcome:
        """Renames the draft; it keeps its place among the drafts."""
        draft_id = number_of(IdKind.BASKET, self.input.basket_id)
        name = parse_name(self.input.name)
        basket_id = await rename_draft(self.author, self.buyer.id, draft_id, name)
        return Outcome(baskets=await self.read(basket_id))


class BasketDelete(Change[BasketDeleteInput]):
    """Deletes a draft."""

    async def apply(self) -> Outcome:
        """Deletes the draft."""
        return Outcome(
            deleted_id=await delete_draft(
                self.buyer.id, number_of(IdKind.BASKET, self.input.basket_id)
            )
        )


class QuotationRequest(Change[QuotationRequestInput]):
    """Submits the active basket as a quotation request."""

    async def apply(self) -> Outcome:
        """Submits the basket and issues its quotation."""
        segment, name = (
            parse_segment(self.input.segment_remote_id),
            parse_name(self.input.name),
        )
        if rejection := await self._reject_problems(segment):
            return rejection
        # First, because it locks the basket; a rejection by the quotation undoes it.
        basket_id = await submit_active(
            self.author, self.buyer.id, segment, self.input.expected_version
        )
        is_sub_division = self.buyer.division.type is DivisionType.SUB
        needs_approval = is_sub_division and self.context.policy.needs_approval
        status = (
            QuotationStatus.AWAITING_APPROVAL if needs_approval else QuotationStatus.PENDING
        )
        quotation = await issue_quotation(self.buyer.id, basket_id, name, status)
        return Outcome(baskets=await self.read(basket_id), quotation=quotation)

    async def _reject_problems(self, segment: int) -> Outcome | None:
        """Returns the rejection of a basket with problems that block, nothing yet being changed."""
        basket = await lock_active(self.buyer.id, segment, self.input.expected_version)
        if not await has_blocking_problem(basket.id, self.buyer):
            return None
        # Almost no request comes here, so that only this one reads all items.
        read = await OWN.read(
            self.context.catalogue, ITEMS, user_id=self.buyer.id, basket_id=basket.id
        )
        (rows,) = read.full_baskets()
        found = find_basket_problems(rows, self.buyer)
        blocking = [problem for problem in found if problem.code.is_blocking]
        count = "1 problem" if len(blocking) == 1 else f"{len(blocking)} problems"
        rejection = Rejection(
            RejectionCode.BASKET_HAS_PROBLEMS,
            f"The basket has {count} that must be solved before it can be submitted.",
        )
        return replace(rejected([rejection]), problem_rows=rows, problems=blocking)


class PlainQuotationRequest(QuotationRequest):
    """The same with one rejection per problem, as REST words them."""

    async def _reject_problems(self, segment: int) -> Outcome | None:
        """Leaves the rejections to the issue of the quotation."""
        return None
