"""Who gets in."""

import pytest

from models.division import Division
from models.user import Token, User
from tests.service import Service

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
    response = await service.client.post("/graphql", json=QUERY, headers={"Authorization": f"{scheme} main"})
    assert response.json() == {"data": {"viewer": {"email": "main@example.invalid"}}}


@pytest.mark.parametrize("header", [None, "", "main", "Token", "Token ", "Basic main", "Token nobody", "Token gone"])
async def test_unknown_missing_and_inactive_all_get_the_same_401(service: Service, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = await service.client.post("/graphql", json=QUERY, headers=headers)
    assert (response.status_code, response.json()) == (401, UNAUTHENTICATED)
    assert response.headers["www-authenticate"] == 'Token realm="basket", Bearer realm="basket"'
    assert response.headers["content-type"] == "application/json; charset=utf-8"


async def test_strangers_are_turned_away_whatever_they_send(service: Service) -> None:
    response = await service.client.post("/graphql", content=b"\xff not json", headers={"Content-Type": "text/plain"})
    assert (response.status_code, response.json()) == (401, UNAUTHENTICATED)


async def test_a_deactivated_user_and_a_revoked_token_are_refused_at_once(service: Service) -> None:
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


async def test_a_user_of_an_inactive_division_can_only_see_who_they_are(service: Service) -> None:
    closed = service.caller("closed")
    assert (await closed.query("{ viewer { division { isActive } } }")) == {"viewer": {"division": {"isActive": False}}}
    payload = await closed.change("basketClear", "basket { id }")
    assert payload["userErrors"] == [
        {"code": "DIVISION_INACTIVE", "message": "Your division ERP04 is inactive.", "field": []}
    ]
    for field in ("activeBasket { id }", "activeBaskets { id }", "divisions { id }", 'basket(id: "1") { id }'):
        content = (await closed.post(f"{{ {field} }}")).json()
        assert content["errors"][0]["extensions"] == {"code": "DIVISION_INACTIVE"}


async def test_closing_a_division_stops_its_users_at_once(service: Service) -> None:
    await Division.filter(erp_code="ERP02").update(is_active=False)
    content = (await service.sub.post("{ activeBasket { id } }")).json()
    assert content["errors"][0]["message"] == "Your division ERP02 is inactive."
