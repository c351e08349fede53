"""Tokens that expire, and when tokens were last used."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from models.database.connection import connect, disconnect
from models.timestamps import now, parse_timestamp
from models.token_use import TokenUses
from models.user import Token, User, find_unusable_tokens, hash_token
from tests.support.service import Service, serve
from tests.support.shop import Shop

VIEWER = "{ viewer { email } }"


async def expire(token: str, seconds: float) -> None:
    """Lets a token expire in so many seconds."""
    expires_at = now() + timedelta(seconds=seconds)
    await Token.filter(digest=hash_token(token)).update(expires_at=expires_at)


async def test_an_expired_token_is_unknown_and_another_one_is_not(service: Service) -> None:
    await expire("main", -0.001)
    await expire("sub", 3_600)
    assert (await service.main.post(VIEWER)).status_code == 401
    assert (await service.sub.query(VIEWER)) == {"viewer": {"email": "sub@example.invalid"}}
    given = {hash_token(token): None for token in ("main", "sub", "other", "none")}
    assert await find_unusable_tokens(given) == {
        hash_token("main"): "token",
        hash_token("none"): "token",
    }


async def test_a_remembered_token_ends_at_its_expiry(
    database_url: str, shop: Shop, tmp_path: Path
) -> None:
    async with serve(
        database_url, shop, str(tmp_path), token_kept_seconds=86_400
    ) as service:
        await expire("main", 600)
        before = monotonic()
        for caller in (service.main, service.sub):
            assert (await caller.post(VIEWER)).status_code == 200
        known = service.application.state["buyers"]._known
        assert known[hash_token("main")][0] <= monotonic() + 600
        assert known[hash_token("sub")][0] >= before + 86_400


async def last_uses() -> dict[str, datetime | None]:
    """Returns when each user's token was last used."""
    rows = await Token.all().values_list("user__email", "last_used_at")
    return {
        email.split("@")[0]: time and parse_timestamp(time).astimezone(UTC)
        for email, time in rows
    }


async def test_uses_are_written_to_the_hour_and_once_per_hour(service: Service) -> None:
    uses = TokenUses()
    main, sub = hash_token("main"), hash_token("sub")
    for digest in (main, main, sub, "0" * 64):
        uses.note(digest)
    await uses.write()
    hour = now().replace(minute=0, second=0, microsecond=0)
    unused = {"other": None, "closed": None, "gone": None}
    assert await last_uses() == {"main": hour, "sub": hour, **unused}
    # Nothing is written again within the hour, and never an earlier hour.
    later = hour + timedelta(hours=5)
    await Token.filter(digest=main).update(last_used_at=None)
    await Token.filter(digest=sub).update(last_used_at=later)
    uses.note(main)
    other_process = TokenUses()
    other_process.note(sub)
    await uses.write()
    await other_process.write()
    assert await last_uses() == {"main": None, "sub": later, **unused}


async def test_a_stopping_server_writes_the_uses_of_its_last_minute(
    database_url: str, shop: Shop, tmp_path: Path
) -> None:
    async with serve(database_url, shop, str(tmp_path)) as service:
        await User.filter(email="sub@example.invalid").update(is_active=False)
        assert (await service.main.post(VIEWER)).status_code == 200
        assert (await service.sub.post(VIEWER)).status_code == 401
    await connect(database_url)
    try:
        uses = await last_uses()
    finally:
        await disconnect()
    assert [name for name, used in uses.items() if used] == ["main"]
