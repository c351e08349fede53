"""Erasing a person: nothing of them is left, accounting keeps its quotations, shopping ends in 401."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from commands.administration import AdministrationRejected, add_user, require_user
from commands.operator import current_operator
from models.audit.people import user_added, user_bound
from models.audit.record import record_entries
from models.audit.tables import AuditEntry
from models.basket.tables import Basket, BasketItem
from models.demo import write_demo
from models.export.export import BasketExport, ExportFormat
from models.export.job import LEASE, LeaseLost, claim_export, finish_export, renew_lease
from models.history.tables import BasketChange
from models.idempotency import IdempotencyKey
from models.identity import ErasedPerson, Identity, hash_account, hash_email
from models.personal_data.erase import Erased, erase_user
from models.personal_data.export import read_person
from models.quotation import Quotation
from models.timestamps import now
from models.user import Token, User
from tests.support.command_line import CommandLine
from tests.support.directory import Directory
from tests.support.exports import completed, files_of, fill
from tests.support.service import Service, payload_document, serve
from tests.support.shop import Shop
from tests.support.waiting import eventually
from tests.support.watching import ACTIVE, watch
from web.live.session import StreamEnded

MAIN = "main@example.invalid"
ISSUER = "https://login.example"


async def buyer() -> User:
    """Returns the buyer of the main division, with the division."""
    return await User.get(email=MAIN).select_related("division")


async def shop_for_all_kinds(service: Service) -> None:
    """Leaves a basket, a draft, a quotation, an export and a key of the buyer behind."""
    await fill(service.main, idempotencyKey="a-key-of-main")
    await service.main.accepted("quotationRequest", name="For accounting")
    await fill(service.main)
    await service.main.accepted("basketSave", name="A draft")
    await fill(service.main)
    await completed(service.main, format="CSV")
    user = await buyer()
    digest = hash_account(ISSUER, "subject-of-main")
    await Identity.create(
        user=user, issuer=ISSUER, subject="subject-of-main", digest=digest
    )
    bound = user_bound(user.id, ISSUER, "subject-of-main")
    await record_entries(current_operator(), [user_added(user), bound])


async def test_nothing_of_the_person_is_left_and_the_quotation_is(
    service: Service, tmp_path: Path
) -> None:
    await shop_for_all_kinds(service)
    user = await buyer()
    erased = await erase_user(user.id, current_operator())
    assert erased == Erased(
        deleted_baskets=2,
        deleted_tokens=1,
        deleted_identities=1,
        deleted_idempotency_keys=1,
        deleted_exports=1,
        kept_quotations=1,
        kept_changes=2,
        kept_audit_entries=2,
    )
    response = await service.main.post("{ viewer { email } }")
    assert response.status_code == 401
    quotation = await Quotation.get().select_related("user", "basket__user")
    assert (quotation.name, quotation.total_amount) == ("For accounting", 12_330)
    for owner in (quotation.user, quotation.basket.user):
        assert owner.email == f"division-{service.divisions['ERP01'].id}@erased.invalid"
        assert (owner.first_name, owner.last_name) == ("Erased", "user")
    assert await BasketItem.filter(basket=quotation.basket).count() == 2
    assert await _values(BasketChange, "user_id") == [None, None]
    assert await _values(BasketExport, "user_id", "basket_id") == [(None, None)]
    for model in (Identity, IdempotencyKey):
        assert await model.all().count() == 0
    assert await Token.filter(user_id=user.id).count() == 0
    assert sorted(await _values(ErasedPerson, "digest")) == sorted(
        [hash_email(MAIN), hash_account(ISSUER, "subject-of-main")]
    )
    # Within the sweeper's next round.
    await eventually(
        lambda: files_of(tmp_path / "exports") == [], "The deletion of the file"
    )


async def _values(model: Any, *columns: str) -> list[Any]:
    return list(
        await model.all()
        .order_by(model._meta.pk_attr)
        .values_list(*columns, flat=len(columns) == 1)
    )


async def test_no_row_of_any_table_has_a_word_of_the_person(
    service: Service, database_url: str
) -> None:
    await shop_for_all_kinds(service)
    user = await buyer()
    before = json.dumps(await read_person(user), default=str)
    words = (MAIN, "subject-of-main", "a-key-of-main", "A draft")
    assert all(word in before for word in words)
    await erase_user(user.id, current_operator())
    rows = await _all_rows(service)
    assert "For accounting" in rows
    assert [word for word in (*words, "Main") if word in rows] == []
    entry = await AuditEntry.all().order_by("-id").first()
    assert entry is not None
    assert (entry.action, entry.user_id) == ("USER_ERASED", user.id)


async def _all_rows(service: Service) -> str:
    """Returns the texts of all rows of the tables that are about people."""
    models = (User, Token, Identity, ErasedPerson, Basket, Quotation, BasketExport)
    others = (IdempotencyKey, AuditEntry, BasketChange)
    return json.dumps(
        [list(await model.all().values()) for model in (*models, *others)], default=str
    )


async def test_all_of_a_person_is_shown_to_them(service: Service) -> None:
    await shop_for_all_kinds(service)
    shown = await read_person(await buyer())
    assert (shown["format"], shown["profile"]["email"]) == (1, MAIN)
    assert shown["profile"]["division"] == "ERP01"
    assert [account["subject"] for account in shown["accounts"]] == ["subject-of-main"]
    assert [basket["status"] for basket in shown["baskets"]] == [
        *("SUBMITTED", "DRAFT", "ACTIVE"),
    ]
    draft = shown["baskets"][1]
    assert (draft["name"], draft["total_amount"]) == ("A draft", "123.30")
    items = [(item["sku"], item["division"], item["quantity"]) for item in draft["items"]]
    assert items == [("SKU01", "ERP01", 2), ("SKU01", "ERP02", 4), ("SKU02", "ERP02", 3)]
    assert [change["kind"] for change in draft["history"]] == ["ITEMS_ADDED", "SAVED"]
    assert len(draft["history"][0]["lines"]) == 3
    assert [each["name"] for each in shown["quotations"]] == ["For accounting"]
    assert [each["status"] for each in shown["exports"]] == ["COMPLETED"]
    assert [each["key"] for each in shown["idempotency_keys"]] == ["a-key-of-main"]
    assert [each["action"] for each in shown["audit"]] == ["USER_BOUND", "USER_ADDED"]
    assert "digest" not in shown["tokens"][0]
    other = await User.get(email="other@example.invalid").select_related("division")
    assert (await read_person(other))["baskets"] == []


async def test_who_watches_is_told_that_they_are_let_in_no_more(service: Service) -> None:
    await fill(service.main)
    async with watch(service.application, ACTIVE) as basket:
        assert (await basket.next())["itemCount"] == 2
        await erase_user((await buyer()).id, current_operator())
        # At most one event comes before: that the basket is gone.
        with pytest.raises(StreamEnded):
            assert [await basket.next() for _ in range(2)] == []


async def test_erasing_again_finds_nothing_and_does_no_harm(service: Service) -> None:
    user = await buyer()
    assert await erase_user(user.id, current_operator()) is not None
    before = await _all_rows(service)
    assert await erase_user(user.id, current_operator()) is None
    assert await _all_rows(service) == before


async def test_erased_people_come_back_by_an_operators_word_only(
    service: Service,
) -> None:
    await erase_user((await buyer()).id, current_operator())
    nameless = f"division-{service.divisions['ERP01'].id}@erased.invalid"
    for email in (MAIN, nameless):
        with pytest.raises(AdministrationRejected, match="There is no user"):
            await require_user(email)
    with pytest.raises(AdministrationRejected, match="is not an e-mail address of a pers"):
        await add_user(nameless, "A", "B", "ERP01")
    await add_user(MAIN.upper(), "Main", "Again", "ERP01")
    assert (await require_user(MAIN)).first_name == "Main"
    assert await ErasedPerson.all().count() == 0


async def test_the_demo_does_not_bring_back_who_was_erased(service: Service) -> None:
    await write_demo(current_operator())
    user = await User.get(email="sub@demo.invalid")
    await erase_user(user.id, current_operator())
    await write_demo(current_operator())
    assert not await User.exists(email="sub@demo.invalid")


OPERATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("basketItemsAdd", {"items": [{"productRemoteId": 1, "quantity": 1}]}),
    ("basketItemsAdd", {"items": [{"productRemoteId": 2, "quantity": 1}]}),
    ("basketItemsSet", {"items": [{"productRemoteId": 1, "quantity": 7}]}),
    ("basketSave", {"name": "A draft"}),
    ("basketClear", {}),
    ("basketExport", {"format": "CSV"}),
    ("quotationRequest", {"name": "A quotation"}),
)


class Crowd:
    """The devices of one person, which go on shopping until they are turned away."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.requested = 0
        self.outcomes: Counter[str] = Counter()
        self.is_warm = asyncio.Event()

    async def shop(self, seed: int) -> None:
        """Sends random changes until a 401; all other responses are results."""
        drawn = random.Random(seed)
        while True:
            name, given = drawn.choice(OPERATIONS)
            response = await self._send(name, given, drawn)
            self.requested += 1
            if self.requested == 40:
                self.is_warm.set()
            if response.status_code == 401:
                assert response.json()["errors"][0]["extensions"]["code"] == (
                    "UNAUTHENTICATED"
                )
                return
            content = response.json()
            assert response.status_code == 200, content
            assert "errors" not in content, content
            if not content["data"][name]["userErrors"]:
                self.outcomes[name] += 1

    async def _send(
        self, name: str, given: dict[str, Any], drawn: random.Random
    ) -> httpx.Response:
        erp_code = self.service.division("ERP01")
        items = [{**item, "divisionId": erp_code} for item in given.get("items", [])]
        more: dict[str, Any] = {"items": items} if items else {}
        if drawn.random() < 0.3:
            more["idempotencyKey"] = f"key-{drawn.randrange(10**9)}"
        selection = "export { id }" if name == "basketExport" else "basket { id }"
        if name == "quotationRequest":
            selection = "quotation { id }"
        document = payload_document(name, selection)
        return await self.service.main.post(document, input={**given, **more})


@pytest.fixture
async def caching(database_url: str, shop: Shop, tmp_path: Path) -> AsyncIterator[Service]:
    """A service that lets a token in for a minute after it was looked up."""
    kept = {"token_kept_seconds": 60, "export_maximum_waiting": 10_000}
    async with serve(database_url, shop, str(tmp_path / "exports"), **kept) as served:
        yield served


@pytest.mark.long
async def test_someone_who_is_shopping_is_erased_and_ends_in_401(
    caching: Service, database_url: str
) -> None:
    crowd = Crowd(caching)
    user = await buyer()
    devices = [asyncio.create_task(crowd.shop(seed)) for seed in range(16)]
    await crowd.is_warm.wait()
    # Another process, so that on SQLite, too, it meets the changes in the database.
    erase = ["user", "erase", MAIN, "--json"]
    line = CommandLine(database_url)
    output = json.loads(await asyncio.to_thread(line.accepted, *erase))
    await asyncio.gather(*devices)
    assert crowd.requested > 40
    assert not await User.exists(id=user.id)
    assert await Basket.filter(user_id=user.id).count() == 0
    assert output["kept_quotations"] == crowd.outcomes["quotationRequest"]
    assert await Quotation.all().count() == output["kept_quotations"]
    assert await BasketExport.exclude(user_id=None).count() == 0
    assert await BasketChange.exclude(user_id=None).count() == 0


async def test_the_rest_interface_turns_them_away_too(caching: Service) -> None:
    headers = {"Authorization": "Token main"}
    address = "/api/v1/basket/"
    assert (await caching.client.get(address, headers=headers)).status_code == 200
    await erase_user((await buyer()).id, current_operator())
    body = {"product_remote_id": 1, "division": caching.division("ERP01"), "quantity": 1}
    response = await caching.client.post(address, headers=headers, json=body)
    assert (response.status_code, response.json()) == (401, {"detail": "Invalid token."})


async def test_a_change_of_someone_who_was_erased_is_counted_as_unauthenticated(
    caching: Service,
) -> None:
    def counts() -> list[float]:
        label = {"operation": "mutation basketItemsAdd"}
        name, outcomes = "basket_requests_total", ("http_401", "failed", "error")
        found = [
            REGISTRY.get_sample_value(name, label | {"outcome": each}) for each in outcomes
        ]
        return [count or 0 for count in found]

    await caching.main.post("{ viewer { email } }")
    await erase_user((await buyer()).id, current_operator())
    before = counts()
    added = {"productRemoteId": 1, "divisionErpCode": "ERP01"}
    document = payload_document("basketItemsAdd", "basket { id }")
    response = await caching.main.post(document, input={"items": [added]})
    assert response.status_code == 401
    after = counts()
    assert [new - old for old, new in zip(before, after, strict=True)] == [1, 0, 0]


async def test_an_export_that_is_being_written_ends_with_its_person(
    service: Service,
) -> None:
    await fill(service.main)
    export = await BasketExport.create(
        cache_key="0" * 32,
        user=await buyer(),
        basket=await Basket.get(),
        format=ExportFormat.CSV,
        columns="quantity",
        rows_total=3,
        resend_at=now() + timedelta(hours=1),
        created_at=now(),
    )
    claim = await claim_export(export.id)
    assert claim is not None
    erased_at = now()
    await erase_user((await buyer()).id, current_operator())
    # The worker learns from its lease that nobody waits for the file any more.
    assert not await renew_lease(claim, 1, 3)
    with pytest.raises(LeaseLost):
        await finish_export(claim, 3, timedelta(days=1))
    assert await claim_export(export.id) is None
    await export.refresh_from_db()
    assert (export.status, export.failure) == (
        "FAILED",
        "The data of the user was erased.",
    )
    assert export.files_until is not None
    assert export.files_until >= erased_at + LEASE


async def test_an_import_passes_erased_people_over(
    database_url: str, shop: Shop, tmp_path: Path
) -> None:
    async with serve(database_url, shop):
        await erase_user((await buyer()).id, current_operator())
    directory = Directory(CommandLine(database_url), tmp_path)
    said = directory.load([], ["MAIN@example.invalid,Main,Buyer,ERP01,yes"])
    assert said == [
        f"{directory.users}, line 2: passed over MAIN@example.invalid, whose data was erased",
        "Divisions: none.",
        "Users: 1 erased.",
    ]
    directory.line.accepted(
        "directory", "export", str(directory.divisions), str(directory.users)
    )
    assert "erased.invalid" not in directory.users.read_text()
    again = directory.line.accepted("user", "erase", "main@example.invalid")
    assert again == "The data of this person was erased already."
