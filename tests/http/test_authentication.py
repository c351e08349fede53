"""Who gets in."""

import asyncio
from pathlib import Path
from time import monotonic

import pytest

import settings
from models.division import Division
from models.user import MAXIMUM_BUYERS, Buyers, Token, User, hash_token
from tests.support.service import Service, serve
from tests.support.shop import Shop

UNAUTHENTICATED = {
    "errors": [
        {
            "message": "Send the header `Authorization: Token …` with the valid token of an active user.",
            "extensions": {"code": "UNAUTHENTICATED"},
        }
    ]
}
QUERY = {"query": "{ viewer { email } }"}


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "BEARER"])
async def test_a_token_opens_the_door(service: Service, scheme: str) -> None:
    response = await service.client.post(
        "/graphql", json=QUERY, headers={"Authorization": f"{scheme} main"}
    )
    assert response.json() == {"data": {"viewer": {"email": "main@example.invalid"}}}


@pytest.mark.parametrize(
    "header",
    [None, "", "main", "Token", "Token ", "Basic main", "Token nobody", "Token gone"],
)
async def test_unknown_missing_and_inactive_all_get_the_same_401(
    service: Service, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = await service.client.post("/graphql", json=QUERY, headers=headers)
    assert (response.status_code, response.json()) == (401, UNAUTHENTICATED)
    assert (
        response.headers["www-authenticate"]
        == 'Token realm="basket", Bearer realm="basket"'
    )
    assert response.headers["content-type"] == "application/json; charset=utf-8"


async def test_strangers_are_turned_away_whatever_they_send(service: Service) -> None:
    response = await service.client.post(
        "/graphql", content=b"\xff not json", headers={"Content-Type": "text/plain"}
    )
    assert (response.status_code, response.json()) == (401, UNAUTHENTICATED)


async def test_a_deactivated_user_and_a_revoked_token_are_rejected_at_once(
    service: Service,
) -> None:
    await User.filter(email="main@example.invalid").update(is_active=False)
    assert (await service.main.post("{ viewer { id } }")).status_code == 401
    await Token.filter(user__email="sub@example.invalid").delete()
    assert (await service.sub.post("{ viewer { id } }")).status_code == 401


async def test_tokens_are_kept_as_digests_only(service: Service) -> None:
    digests = await Token.all().values_list("digest", flat=True)
    assert len(digests) == 5
    assert all(len(str(digest)) == 64 for digest in digests)


async def test_a_viewer_sees_their_divisions(service: Service) -> None:
    document = """{ viewer { firstName lastName division { erpCode type parent { erpCode } }
      divisions { erpCode isActive type } } divisions { erpCode } }"""
    assert await service.main.query(document) == {
        "viewer": {
            "firstName": "Main",
            "lastName": "Buyer",
            "division": {"erpCode": "ERP01", "type": "MAIN", "parent": None},
            "divisions": [
                {"erpCode": "ERP01", "isActive": True, "type": "MAIN"},
                {"erpCode": "ERP03", "isActive": True, "type": "SUB"},
                {"erpCode": "ERP04", "isActive": False, "type": "SUB"},
                {"erpCode": "ERP02", "isActive": True, "type": "SUB"},
            ],
        },
        "divisions": [{"erpCode": "ERP01"}, {"erpCode": "ERP03"}, {"erpCode": "ERP02"}],
    }
    assert (await service.sub.query("{ divisions { erpCode parent { erpCode } } }")) == {
        "divisions": [{"erpCode": "ERP02", "parent": {"erpCode": "ERP01"}}]
    }


async def test_a_user_of_an_inactive_division_can_only_see_who_they_are(
    service: Service,
) -> None:
    closed = service.caller("closed")
    assert (await closed.query("{ viewer { division { isActive } } }")) == {
        "viewer": {"division": {"isActive": False}}
    }
    payload = await closed.change("basketClear", "basket { id }")
    assert payload["userErrors"] == [
        {
            "code": "DIVISION_INACTIVE",
            "message": "Your division ERP04 is inactive.",
            "field": [],
        }
    ]
    for field in (
        "activeBasket { id }",
        "activeBaskets { id }",
        "divisions { id }",
        'basket(id: "1") { id }',
    ):
        content = (await closed.post(f"{{ {field} }}")).json()
        assert content["errors"][0]["extensions"] == {"code": "DIVISION_INACTIVE"}


async def test_closing_a_division_stops_its_users_at_once(service: Service) -> None:
    await Division.filter(erp_code="ERP02").update(is_active=False)
    content = (await service.sub.post("{ activeBasket { id } }")).json()
    assert content["errors"][0]["message"] == "Your division ERP02 is inactive."


async def test_a_remembered_buyer_is_rejected_at_the_latest_when_the_memory_ends(
    database_url: str, shop: Shop, tmp_path: Path
) -> None:
    async with serve(database_url, shop, str(tmp_path), token_kept_seconds=1) as service:
        for caller in (service.main, service.sub, service.other):
            assert (await caller.post("{ viewer { id } }")).status_code == 200
        changed = monotonic()
        await User.filter(email="main@example.invalid").update(is_active=False)
        await Token.filter(user__email="sub@example.invalid").delete()
        await Division.filter(erp_code="ERP05").update(is_active=False)
        # The time for which it is remembered is what this waits for.
        await asyncio.sleep(max(0.0, changed + 1.05 - monotonic()))
        assert (await service.main.post("{ viewer { id } }")).status_code == 401
        assert (await service.sub.post("{ viewer { id } }")).status_code == 401
        content = (await service.other.post("{ activeBasket { id } }")).json()
        assert content["errors"][0]["extensions"] == {"code": "DIVISION_INACTIVE"}


async def test_a_token_is_good_as_soon_as_it_is_issued(
    database_url: str, shop: Shop, tmp_path: Path
) -> None:
    async with serve(database_url, shop, str(tmp_path), token_kept_seconds=60) as service:
        newcomer = service.caller("new")
        assert (await newcomer.post("{ viewer { id } }")).status_code == 401
        await Token.create(
            user=await User.get(email="main@example.invalid"), digest=hash_token("new")
        )
        assert (await newcomer.query("{ viewer { email } }")) == {
            "viewer": {"email": "main@example.invalid"}
        }


async def test_remembered_buyers_get_each_their_own_answers(
    database_url: str, shop: Shop, tmp_path: Path
) -> None:
    async with serve(database_url, shop, str(tmp_path), token_kept_seconds=60) as service:
        for quantity, caller in enumerate((service.main, service.sub), start=1):
            items = [
                {"productRemoteId": 1, "divisionErpCode": "ERP02", "quantity": quantity}
            ]
            await caller.accepted("basketItemsAdd", items=items)
        document = "{ viewer { email } activeBasket { totalQuantity } }"
        answers = [
            await caller.query(document)
            for _ in range(2)
            for caller in (service.main, service.sub)
        ]
        expected = [
            {
                "viewer": {"email": f"{name}@example.invalid"},
                "activeBasket": {"totalQuantity": quantity},
            }
            for quantity, name in enumerate(("main", "sub"), start=1)
        ]
        assert answers == [*expected, *expected]


async def test_buyers_are_remembered_for_five_seconds_and_in_a_bounded_number(
    service: Service,
) -> None:
    assert settings.TOKEN_KEPT_SECONDS == 5
    buyers = Buyers(60)
    buyer = await buyers.find(hash_token("main"))
    assert buyer is not None
    for number in range(MAXIMUM_BUYERS + 10):
        buyers._store(str(number), 0, buyer)
    assert len(buyers._known) == MAXIMUM_BUYERS == 10_000
