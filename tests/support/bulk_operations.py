"""Random changes with many lines: skipped additions, settings and copies; and other names."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.support.basket_machine import Aim, NamedLine
from tests.support.basket_rules import Basket, Line, Reason
from tests.support.bulk_rules import Addition, Bulk, Setting, learn_all
from tests.support.outcomes import WITH_LINES, WITH_REMOVED
from tests.support.random_operations import (
    BasketMachine,
    against_name,
    aims,
    expectations,
    good_lines,
    names,
    odd_lines,
    options,
    people,
    placed,
    places,
    retries,
    segments,
)

NO_OPTIONS = ("is_strict", "is_dry", "retry")
many_lines = st.lists(st.one_of(good_lines, odd_lines), min_size=1, max_size=5)


def found_codes(payload: dict[str, Any]) -> list[set[str]]:
    """Returns the codes of the outcomes of all lines."""
    return [{error["code"] for error in each["errors"]} for each in payload["outcomes"]]


class BulkMachine(BasketMachine):
    """The steps of the other machine, and these."""

    def note_basket(self, bulk: Bulk, payload: dict[str, Any]) -> None:
        """Compares the basket of a payload; a new one gets its id from it."""
        basket = bulk.basket
        if basket is None:
            assert payload["basket"] is None
            return
        basket.id = basket.id or payload["basket"]["id"]
        assert payload["basket"] == basket.described()

    @initialize(segment=segments, line=good_lines, is_withdrawn=st.booleans())
    def begin_with_one_accepted_change_of_each_kind(
        self, segment: int | None, line: NamedLine, is_withdrawn: bool
    ) -> None:
        aim, plain = (0, False, "main", segment), dict.fromkeys(NO_OPTIONS, False)
        twice = [(replace(line[0], quantity=each), *line[1:]) for each in (10, 11)]
        self.add_with_outcomes(aim, [line], "none", plain)
        self.set_quantities(aim, twice[:1], False, "none", plain)
        self.update(aim, 0, twice[1], "none", False)
        self.save(aim, "Begun", "none", False)
        self.copy(aim, 0, True, False, "none", plain)
        self.rename(0, "main", "Begun anew", True, False)
        self.quote(aim, "Begun", "none", False)
        self.add_with_outcomes(aim, [line], "none", plain)
        self.everybody_has_what_the_rules_say()
        self.clear_and_undo(0, 0 if is_withdrawn else None, plain)
        self.save(aim, "Loaded", "none", False)
        self.load(0, "main", True, False)

    @rule(aim=aims, lines=many_lines, expectation=expectations, options=options)
    def add_with_outcomes(
        self, aim: Aim, lines: list[NamedLine], expectation: str, options: dict[str, bool]
    ) -> None:
        owner, segment = self.aimed(aim)
        lines = placed(owner, lines)
        wanted = [line for line, _, _ in lines]
        expected = self.expected(owner, segment, expectation)
        missing = self.model.asked(owner, segment, {line.product for line in wanted})
        reasons = self.model.against_version(owner, segment, expected)
        bulk = Addition(self.model, owner, segment, wanted, is_strict=False)
        bulk.check()
        payload = self.change(
            owner,
            "basketItemsAdd",
            reasons,
            options["retry"],
            WITH_LINES,
            items=[self._line(line) for line in lines],
            onInvalid="SKIP",
            dryRun=options["is_dry"],
            segmentRemoteId=segment,
            expectedVersion=expected,
        )
        assert self.asked() == missing
        self.model.learn(missing, segment)
        if payload:
            assert found_codes(payload) == bulk.against
            assert payload["acceptedCount"] == len(bulk.good())
            if not options["is_dry"]:
                bulk.carry_out()
            self.note_basket(bulk, payload)

    @rule(
        aim=aims,
        lines=many_lines,
        is_replacing=st.booleans(),
        expectation=expectations,
        options=options,
    )
    def set_quantities(
        self,
        aim: Aim,
        lines: list[NamedLine],
        is_replacing: bool,
        expectation: str,
        options: dict[str, bool],
    ) -> None:
        owner, segment = self.aimed(aim)
        lines = placed(owner, lines)
        wanted = [line for line, _, _ in lines]
        expected = self.expected(owner, segment, expectation)
        needed = {line.product for line in wanted if line.quantity}
        missing = self.model.asked(owner, segment, needed)
        self.model.learn(missing, segment)
        bulk = Setting(
            self.model,
            owner,
            segment,
            wanted,
            is_strict=options["is_strict"],
            is_replacing=is_replacing,
        )
        bulk.check()
        reasons = self.model.against_version(owner, segment, expected)
        reasons |= self._strict_reasons(bulk)
        payload = self.change(
            owner,
            "basketItemsSet",
            reasons,
            options["retry"],
            WITH_REMOVED,
            items=[self._line(line) for line in lines],
            mode="REPLACE" if is_replacing else "MERGE",
            onInvalid="REJECT" if options["is_strict"] else "SKIP",
            dryRun=options["is_dry"],
            segmentRemoteId=segment,
            expectedVersion=expected,
        )
        assert self.asked() == missing
        if payload:
            assert found_codes(payload) == bulk.against
            gone = 0 if options["is_dry"] else bulk.carry_out()
            assert len(payload["removedItemIds"]) == gone
            self.note_basket(bulk, payload)

    def _strict_reasons(self, bulk: Bulk) -> set[Reason]:
        if not bulk.is_strict:
            return set()
        return {
            (code, ("items", str(index)))
            for index, codes in enumerate(bulk.against)
            for code in codes
        }

    @rule(
        aim=aims,
        place=places,
        is_own=st.sampled_from([True, True, False]),
        is_replacing=st.booleans(),
        expectation=expectations,
        options=options,
    )
    def copy(
        self,
        aim: Aim,
        place: int,
        is_own: bool,
        is_replacing: bool,
        expectation: str,
        options: dict[str, bool],
    ) -> None:
        owner, segment = self.aimed(aim)
        expected = self.expected(owner, segment, expectation)
        own = [each for each in self.model.baskets if each.owner == owner]
        _, basket_id = self.target(place, owner, draft=False)
        if is_own and own:
            basket_id = own[-1 - place % len(own)].id
        source = next((each for each in own if each.id == basket_id), None)
        bulk = self._copied(owner, segment, source, options["is_strict"], is_replacing)
        reasons = self.model.against_version(owner, segment, expected)
        if source is None:
            reasons = {("BASKET_NOT_FOUND", ("basketId",))}
        elif source is bulk.basket:
            reasons |= {("INVALID_INPUT", ("basketId",))}
        if bulk.is_strict:
            reasons |= {(code, ("basketId",)) for codes in bulk.against for code in codes}
        payload = self.change(
            owner,
            "basketCopy",
            reasons,
            options["retry"],
            WITH_REMOVED,
            basketId=basket_id,
            mode="REPLACE" if is_replacing else "ADD",
            onInvalid="REJECT" if options["is_strict"] else "SKIP",
            dryRun=options["is_dry"],
            segmentRemoteId=segment,
            expectedVersion=expected,
        )
        self.service.shop.requests.clear()
        if payload:
            assert found_codes(payload) == [codes for codes in bulk.against if codes]
            assert payload["acceptedCount"] == len(bulk.good())
            before = len(bulk.basket.items) if bulk.basket else 0
            if not options["is_dry"]:
                bulk.carry_out(is_replacing=is_replacing)
            is_emptied = is_replacing and bulk.good() and not options["is_dry"]
            assert len(payload["removedItemIds"]) == (before if is_emptied else 0)
            self.note_basket(bulk, payload)

    def _copied(
        self,
        owner: str,
        segment: int | None,
        source: Basket | None,
        is_strict: bool,
        is_replacing: bool,
    ) -> Addition:
        items = source.items if source else {}
        lines = [
            Line(product, division, quantity)
            for product, item in items.items()
            for division, quantity in item.quantities.items()
        ]
        asked = self.model.asked(owner, segment, set(items))
        if is_replacing:
            known = self.model.known
            fresh = {
                each
                for each in items
                if (each, segment) in known and known[each, segment].is_for_sale
            }
            asked = set(items) - fresh
        learn_all(self.model, asked, segment)
        unknown = {each for each in asked if (each, segment) not in self.model.catalogue}
        bulk = Addition(self.model, owner, segment, lines, is_strict, unknown)
        bulk.check(is_replacing=is_replacing)
        return bulk

    @precondition(BasketMachine.has_draft)
    @rule(place=places, owner=people, name=names, is_draft=st.booleans(), retry=retries)
    def rename(
        self, place: int, owner: str, name: str, is_draft: bool, retry: bool
    ) -> None:
        owner, basket_id = self.target(place, owner, draft=is_draft)
        reasons = self.model.against_draft(owner, basket_id) | against_name(name)
        given = {"basketId": basket_id, "name": name}
        if self.change(owner, "basketRename", reasons, retry, **given):
            draft = next(each for each in self.model.baskets if each.id == basket_id)
            draft.version += draft.name != name.strip()
            draft.name = name.strip()
