"""E-mail addresses: one person's whatever their letter case, on both databases."""

from collections.abc import AsyncIterator

import pytest
from tortoise.exceptions import IntegrityError

from commands.administration import (
    AdministrationRejected,
    add_division,
    add_user,
    require_user,
    set_user_active,
)
from commands.operator import current_operator
from commands.tokens import issue_token, list_tokens
from models.database.connection import connect, disconnect
from models.demo import write_demo
from models.division import Division
from models.user import Buyers, User, hash_token


@pytest.fixture(autouse=True)
async def _connected(database_url: str) -> AsyncIterator[None]:
    """Keeps an empty database open, with one division."""
    await connect(database_url)
    await add_division("ERP01", "Main", None)
    yield
    await disconnect()


async def emails() -> list[str]:
    """Returns the addresses of all users."""
    return [user.email for user in await User.all().order_by("id")]


async def write_user(email: str) -> None:
    """Writes the row of a user."""
    division = await Division.get(erp_code="ERP01")
    await User.create(email=email, first_name="A", last_name="B", division=division)


async def test_a_second_require_user_the_same_address_in_another_case_is_rejected() -> None:
    await add_user("Ada@Example.com", "Ada", "L", "ERP01")
    for email in ("ada@example.com", "ADA@EXAMPLE.COM", " aDa@eXample.com "):
        with pytest.raises(AdministrationRejected, match="There is a user '.+' already"):
            await add_user(email, "Ada", "L", "ERP01")
    assert await emails() == ["Ada@Example.com"]


async def test_a_user_is_found_by_any_case_and_shown_as_added() -> None:
    await add_user("Ada@Example.com", "Ada", "L", "ERP01")
    token, _ = await issue_token("ada@example.COM")
    buyer = await Buyers(0).find(hash_token(token))
    assert buyer is not None
    assert buyer.email == "Ada@Example.com"
    assert len(await list_tokens("ADA@example.com")) == 1
    await set_user_active("ada@EXAMPLE.com", False)
    assert not (await require_user("Ada@Example.com")).is_active
    with pytest.raises(AdministrationRejected, match="There is no user 'adb@example.com'"):
        await require_user("adb@example.com")


@pytest.mark.parametrize(
    "email", ["a b@example.com", "a\u00a0b@example.com", "a\u200b@example.com"]
)
async def test_an_address_with_a_space_or_an_invisible_character_is_rejected(
    email: str,
) -> None:
    with pytest.raises(AdministrationRejected, match="is not an e-mail address"):
        await add_user(email, "Ada", "L", "ERP01")
    assert await emails() == []


async def test_letters_beyond_ascii_have_a_case_too() -> None:
    await add_user("Çiğdem@Örnek.example", "Ç", "D", "ERP01")
    with pytest.raises(AdministrationRejected, match="There is a user '.+' already"):
        await add_user("çiĞDEM@ÖRNEK.EXAMPLE", "Ç", "D", "ERP01")
    assert (await require_user("ÇIĞDEM@ÖRNEK.example")).email == "Çiğdem@Örnek.example"
    with pytest.raises(AdministrationRejected, match="There is no user"):
        await require_user("cigdem@örnek.example")


async def test_the_database_itself_holds_it() -> None:
    await write_user("a.b@example.com")
    with pytest.raises(IntegrityError):
        await write_user("A.B@example.com")


async def test_the_demo_takes_its_users_in_any_case_for_its_own() -> None:
    await add_user("MAIN@demo.invalid", "Deniz", "Y", "ERP01")
    await write_demo(current_operator())
    await write_demo(current_operator())
    assert await emails() == ["MAIN@demo.invalid", "sub@demo.invalid"]
    assert await Buyers(0).find(hash_token("demo-main")) is not None
