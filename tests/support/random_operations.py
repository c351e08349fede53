"""Random operations of a few people on their baskets, and of Commerce on its prices."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.support.basket_machine import (
    SEGMENTS,
    SELLABLE,
    WHOLE,
    Aim,
    NamedLine,
    SideBySide,
)
from tests.support.basket_rules import HOMES, Line, PriceChange, Reason
from tests.support.revert_rules import Reversal, note_versions
from tests.support.reverts import OUTCOMES

ShopOffer = tuple[int | None, str, str]
"""A price in hundredths or the one before, a currency, and whether the product is for sale."""


REFRESHED = f"""{WHOLE} unavailable {{ productRemoteId }}
priceChanges {{ productRemoteId oldPrice oldCurrency newPrice newCurrency }}"""


people = st.sampled_from(["main", "sub", "other"])


segments = st.sampled_from(SEGMENTS)


places = st.integers(0, 5)


aims = st.tuples(places, st.sampled_from([True, True, True, False]), people, segments)


expectations = st.sampled_from(
    ["none", "none", "right", "none", "none", "right", "too high", "too low"]
)


names = st.sampled_from(["One", " Two ", "Three", "Four", "  "])


retries = st.booleans()


options = st.fixed_dictionaries(
    {
        "is_strict": st.sampled_from([False, False, True]),
        "is_dry": st.sampled_from([False, False, False, True]),
        "retry": retries,
    }
)
"""Of a revert."""


ways = (st.booleans(), st.booleans())


offers = st.tuples(
    st.one_of(st.none(), st.integers(0, 10_000)),
    st.sampled_from(["try", "try", "eur"]),
    st.sampled_from(["for sale", "for sale", "not for sale", "gone"]),
)


good_lines = st.tuples(
    st.builds(
        Line,
        st.integers(1, 4),
        st.sampled_from(["own", "ERP02", "ERP03"]),
        st.integers(1, 9),
    ),
    *ways,
)


products = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 404])


divisions = st.sampled_from(
    ["own", "own", "own", "ERP01", "ERP02", "ERP03", "ERP04", "ERP05", "ERP99"]
)


quantities = st.sampled_from([1, 2, 3, 999_999, 1_000_000, 1_000_001, 0, -1])


odd_lines = st.tuples(st.builds(Line, products, divisions, quantities), *ways)


def placed(owner: str, lines: list[NamedLine], good: bool = False) -> list[NamedLine]:
    """Turns a person's own division, and where lines are to be good what is not theirs too, into an ERP code."""
    foreign = {"ERP02", "ERP03"} if good and owner != "main" else set()
    codes = {division: HOMES[owner] for division in {"own", *foreign}}
    return [
        (replace(each, division=codes.get(each.division, each.division)), by_sku, by_id)
        for each, by_sku, by_id in lines
    ]


def price_change(each: dict[str, Any]) -> PriceChange:
    """Writes a price change as the rules do."""
    before = (each["oldPrice"], each["oldCurrency"])
    return each["productRemoteId"], before, (each["newPrice"], each["newCurrency"])


def against_name(name: str) -> set[Reason]:
    """Rejects a blank name."""
    return set() if name.strip() else {("NAME_REQUIRED", ("name",))}


class BasketMachine(SideBySide):
    """The steps: each does the same to the server and to the rules, and counts what was accepted."""

    accepted: ClassVar[Counter[str]]
    reverted: ClassVar[Counter[bool]]
    """How many reverts left lines out, and how many did not."""

    def has_active(self) -> bool:
        return bool(self.baskets("ACTIVE"))

    def has_draft(self) -> bool:
        return bool(self.baskets("DRAFT"))

    def change(
        self, owner: str, mutation: str, *rest: Any, **given: Any
    ) -> dict[str, Any] | None:
        payload = super().change(owner, mutation, *rest, **given)
        self.accepted[mutation] += payload is not None
        return payload

    @initialize(
        owners=st.permutations(["main", "main", "sub", "sub", "other"]),
        segment=segments,
        line=good_lines,
    )
    def begin_with_active_baskets_and_drafts(
        self, owners: list[str], segment: int | None, line: NamedLine
    ) -> None:
        for owner in owners:
            if self.model.active(owner, segment):
                self.model.save(self.active(owner, segment), "Begun")
                self.change(
                    owner,
                    "basketSave",
                    set(),
                    retry=False,
                    name="Begun",
                    segmentRemoteId=segment,
                )
            self.addition(
                owner,
                segment,
                placed(owner, [line], good=True),
                expectation="none",
                retry=False,
            )

    @rule(
        owner=people,
        segment=segments,
        lines=st.lists(good_lines, min_size=1, max_size=4),
        retry=retries,
    )
    def add_good_lines(
        self, owner: str, segment: int | None, lines: list[NamedLine], retry: bool
    ) -> None:
        self.addition(
            owner,
            segment,
            placed(owner, lines, good=True),
            expectation="right",
            retry=retry,
        )

    @rule(
        aim=aims,
        lines=st.lists(odd_lines, min_size=1, max_size=3),
        expectation=expectations,
        retry=retries,
    )
    def add_any_lines(
        self, aim: Aim, lines: list[NamedLine], expectation: str, retry: bool
    ) -> None:
        owner, segment = self.aimed(aim)
        self.addition(
            owner, segment, placed(owner, lines), expectation=expectation, retry=retry
        )

    def product(self, owner: str, segment: int | None, place: int, product: int) -> int:
        """Chooses one of the products of a basket, or the given one when the place is beyond them."""
        basket = self.model.active(owner, segment)
        return ([*basket.items, product] if basket else [product])[
            place % (len(basket.items) + 1 if basket else 1)
        ]

    @precondition(has_active)
    @rule(
        aim=aims,
        place=places,
        line=st.one_of(good_lines, odd_lines),
        expectation=expectations,
        retry=retries,
    )
    def update(
        self, aim: Aim, place: int, line: NamedLine, expectation: str, retry: bool
    ) -> None:
        owner, segment = self.aimed(aim)
        ((given_line, _, _),) = placed(owner, [line])
        wanted = replace(
            given_line, product=self.product(owner, segment, place, given_line.product)
        )
        expected = self.expected(owner, segment, expectation)
        reasons = self.model.against_update(owner, segment, wanted, expected)
        given = {
            "productRemoteId": wanted.product,
            "quantity": wanted.quantity,
            "segmentRemoteId": segment,
        }
        more = {
            "divisionId": self.division_id(wanted.division),
            "expectedVersion": expected,
        }
        if self.change(owner, "basketItemUpdate", reasons, retry, **given, **more):
            self.model.update(self.active(owner, segment), wanted)

    @precondition(has_active)
    @rule(aim=aims, place=places, product=products, expectation=expectations, retry=retries)
    def remove(
        self, aim: Aim, place: int, product: int, expectation: str, retry: bool
    ) -> None:
        owner, segment = self.aimed(aim)
        wanted, expected = (
            self.product(owner, segment, place, product),
            self.expected(owner, segment, expectation),
        )
        reasons = self.model.against_active(owner, segment, expected)
        basket = self.model.active(owner, segment)
        if basket and wanted not in basket.items:
            reasons |= {("PRODUCT_NOT_IN_BASKET", ("productRemoteId",))}
        given = {
            "productRemoteId": wanted,
            "segmentRemoteId": segment,
            "expectedVersion": expected,
        }
        if self.change(owner, "basketItemRemove", reasons, retry, **given):
            self.model.remove(self.active(owner, segment), [wanted])

    @precondition(has_active)
    @rule(aim=aims, expectation=expectations, retry=retries)
    def clear(self, aim: Aim, expectation: str, retry: bool) -> None:
        owner, segment = self.aimed(aim)
        expected = self.expected(owner, segment, expectation)
        reasons = self.model.against_active(owner, segment, expected)
        given = {"segmentRemoteId": segment, "expectedVersion": expected}
        if self.change(owner, "basketClear", reasons, retry, **given):
            self.model.remove(
                self.active(owner, segment), list(self.active(owner, segment).items)
            )

    @precondition(has_active)
    @rule(aim=aims, name=names, expectation=expectations, retry=retries)
    def save(self, aim: Aim, name: str, expectation: str, retry: bool) -> None:
        owner, segment = self.aimed(aim)
        expected = self.expected(owner, segment, expectation)
        reasons = self.model.against_active(owner, segment, expected) | against_name(name)
        given = {"name": name, "segmentRemoteId": segment, "expectedVersion": expected}
        if self.change(owner, "basketSave", reasons, retry, **given):
            self.model.save(self.active(owner, segment), name.strip())

    @precondition(has_active)
    @rule(aim=aims, name=names, expectation=expectations, retry=retries)
    def quote(self, aim: Aim, name: str, expectation: str, retry: bool) -> None:
        owner, segment = self.aimed(aim)
        expected = self.expected(owner, segment, expectation)
        reasons = self.model.against_quote(owner, segment, expected) | against_name(name)
        given = {"name": name, "segmentRemoteId": segment, "expectedVersion": expected}
        if self.change(owner, "quotationRequest", reasons, retry, **given):
            self.model.quote(self.active(owner, segment), name.strip())

    @precondition(has_active)
    @rule(
        aim=aims,
        changes=st.dictionaries(places, offers, max_size=3),
        expectation=expectations,
        retry=retries,
    )
    def refresh(
        self, aim: Aim, changes: dict[int, ShopOffer], expectation: str, retry: bool
    ) -> None:
        owner, segment = self.aimed(aim)
        for place, offer in changes.items():
            self.change_shop(self.product(owner, segment, place, 1), offer)
        expected = self.expected(owner, segment, expectation)
        reasons = self.model.against_refresh(owner, segment, expected)
        given = {"segmentRemoteId": segment, "expectedVersion": expected}
        payload = self.change(owner, "basketRefresh", reasons, retry, REFRESHED, **given)
        if basket := self.model.active(owner, segment):
            self.model.ask_for_all(basket)
        self.service.shop.requests.clear()
        if payload:
            renewed = self.model.refresh(self.active(owner, segment))
            found = payload["priceChanges"]
            prices = [price_change(each) for each in found]
            assert (
                prices,
                [each["productRemoteId"] for each in payload["unavailable"]],
            ) == renewed

    @precondition(has_active)
    @rule(aim=aims, place=st.integers(0, 9), options=options, expectation=expectations)
    def revert(
        self, aim: Aim, place: int, options: dict[str, bool], expectation: str
    ) -> None:
        owner, segment = self.aimed(aim)
        basket = self.model.active(owner, segment)
        versions = [*sorted(basket.versions), basket.version + 1, 0] if basket else [1]
        expected = self.expected(owner, segment, expectation)
        self.reversal(owner, segment, versions[place % len(versions)], expected, **options)

    @precondition(has_active)
    @rule(place=places, withdrawn=st.one_of(st.none(), places), options=options)
    def clear_and_undo(
        self, place: int, withdrawn: int | None, options: dict[str, bool]
    ) -> None:
        active = self.baskets("ACTIVE")
        basket = active[place % len(active)]
        owner, segment, version = basket.owner, basket.segment, basket.version
        product = self.product(owner, segment, withdrawn or 0, 1)
        if self.change(owner, "basketClear", set(), retry=False, segmentRemoteId=segment):
            self.model.remove(basket, list(basket.items))
        if withdrawn is not None:
            self.withdraw(product)
        self.reversal(owner, segment, version, None, **options)

    def reversal(
        self,
        owner: str,
        segment: int | None,
        version: int,
        expected: int | None,
        *,
        is_strict: bool,
        is_dry: bool,
        retry: bool,
    ) -> None:
        """Reverts the active basket to a version."""
        reasons = self.model.against_active(owner, segment, expected)
        basket, reversal = self.model.active(owner, segment), None
        if basket and version in basket.versions:
            reversal = Reversal(self.model, basket, version)
        else:
            reasons |= {("VERSION_UNKNOWN", ("toVersion",))}
        if reversal and is_strict:
            codes = {code for against in reversal.against.values() for code in against}
            reasons |= {(code, ("toVersion",)) for code in codes}
        given = {
            "toVersion": version,
            "onInvalid": "REJECT" if is_strict else "SKIP",
            "dryRun": is_dry,
            "segmentRemoteId": segment,
            "expectedVersion": expected,
        }
        payload = self.change(
            owner, "basketRevert", reasons, retry, f"{WHOLE} {OUTCOMES}", **given
        )
        if payload and reversal:
            self.check_reversal(reversal, payload, is_dry=is_dry)

    def check_reversal(
        self, reversal: Reversal, payload: dict[str, Any], *, is_dry: bool
    ) -> None:
        """Compares the outcomes of a revert, and makes it in the rules."""
        assert payload["acceptedCount"] == len(reversal.accepted())
        outcomes = [
            (
                each["productRemoteId"],
                each["division"]["erpCode"],
                each["quantity"],
                {error["code"] for error in each["errors"]},
            )
            for each in payload["outcomes"]
        ]
        assert sorted(outcomes) == reversal.rejected()
        before = set(reversal.basket.items)
        if not is_dry:
            reversal.carry_out(payload["basket"])
        removed = before - set(reversal.basket.items)
        assert len(payload["removedItemIds"]) == len(removed)
        self.reverted[bool(outcomes)] += 1

    def target(self, place: int, owner: str, *, draft: bool) -> tuple[str, str]:
        """Chooses somebody's draft and its owner, or any basket for anybody; the last of them does not exist."""
        drafts = self.baskets("DRAFT")
        if draft and drafts:
            return drafts[place % len(drafts)].owner, drafts[place % len(drafts)].id
        ids = [*(basket.id for basket in self.model.baskets), "basket_999999"]
        return owner, ids[-1 - place % len(ids)]

    @precondition(has_draft)
    @rule(
        place=places,
        owner=people,
        is_draft=st.sampled_from([True, True, False]),
        retry=retries,
    )
    def load(self, place: int, owner: str, is_draft: bool, retry: bool) -> None:
        owner, basket_id = self.target(place, owner, draft=is_draft)
        reasons = self.model.against_draft(owner, basket_id)
        if self.change(owner, "basketLoad", reasons, retry, basketId=basket_id):
            self.model.load(
                next(basket for basket in self.model.baskets if basket.id == basket_id)
            )

    @precondition(has_draft)
    @rule(place=places, owner=people, is_draft=st.booleans(), retry=retries)
    def delete(self, place: int, owner: str, is_draft: bool, retry: bool) -> None:
        owner, basket_id = self.target(place, owner, draft=is_draft)
        reasons = self.model.against_draft(owner, basket_id)
        if self.change(
            owner, "basketDelete", reasons, retry, "deletedBasketId", basketId=basket_id
        ):
            self.model.baskets = [
                basket for basket in self.model.baskets if basket.id != basket_id
            ]

    @rule(product=st.sampled_from(SELLABLE), offer=offers)
    def change_shop(self, product: int, offer: ShopOffer) -> None:
        cents, currency, state = offer
        before = self.model.catalogue.get((product, None))
        price = (
            Decimal(cents).scaleb(-2)
            if cents is not None
            else before.price
            if before
            else Decimal("1.00")
        )
        self.sell(product, price, currency, is_for_sale=state == "for sale")
        if state == "gone":
            self.stop_selling(product)

    @invariant()
    def everybody_has_what_the_rules_say(self) -> None:
        self.check()
        note_versions(self.model)
