"""The demo of the embedded server: divisions, and users with fixed tokens; writable again."""

from tortoise.transactions import in_transaction

from models.audit.people import division_added, token_issued, user_added
from models.audit.record import AuditActor, record_entries
from models.division import Division, DivisionType
from models.personal_data.erase import was_erased
from models.user import Token, User, find_user, hash_token

DEMO_TOKENS = ("demo-main", "demo-sub")

# ERP code, name, parent's ERP code, whether it is active.
_DIVISIONS = (
    ("ERP01", "Anadolu Market", None, True),
    ("ERP02", "Anadolu Market Ankara", "ERP01", True),
    ("ERP03", "Anadolu Market İzmir", "ERP01", True),
    ("ERP04", "Anadolu Market Bursa (closed)", "ERP01", False),
    ("ERP05", "Boğaz Trading", None, True),
    ("ERP06", "Boğaz Trading Kadıköy", "ERP05", True),
    ("ERP07", "Boğaz Trading Beşiktaş", "ERP05", True),
)
# E-mail address, first name, last name, division's ERP code, token.
_USERS = (
    ("main@demo.invalid", "Deniz", "Yılmaz", "ERP01", "demo-main"),
    ("sub@demo.invalid", "Can", "Demir", "ERP02", "demo-sub"),
)


async def write_demo(actor: AuditActor) -> None:
    """Writes the missing parts of the demo, all or none of them, and changes nothing else."""
    async with in_transaction():
        divisions: dict[str, Division] = {}
        for erp_code, name, parent, is_active in _DIVISIONS:
            main = divisions[parent] if parent else None
            divisions[erp_code] = await _write_division(
                actor, erp_code, name, main, is_active
            )
        for email, first_name, last_name, erp_code, token in _USERS:
            # In any letter case: the unique index would reject another one of the same person.
            user = await find_user(email)
            if user is None and await was_erased(email):
                continue
            if user is None:
                user = await _write_user(
                    actor, email, first_name, last_name, divisions[erp_code]
                )
            await _write_token(actor, user, token)


async def _write_division(
    actor: AuditActor, erp_code: str, name: str, main: Division | None, is_active: bool
) -> Division:
    values = {
        "name": name,
        "type": DivisionType.SUB if main else DivisionType.MAIN,
        "parent": main,
        "is_active": is_active,
    }
    division, is_new = await Division.get_or_create(defaults=values, erp_code=erp_code)
    if is_new:
        await record_entries(actor, [division_added(division)])
    return division


async def _write_user(
    actor: AuditActor, email: str, first_name: str, last_name: str, division: Division
) -> User:
    user = await User.create(
        email=email, first_name=first_name, last_name=last_name, division=division
    )
    await record_entries(actor, [user_added(user)])
    return user


async def _write_token(actor: AuditActor, user: User, token: str) -> None:
    written, is_new = await Token.get_or_create(
        defaults={"user": user}, digest=hash_token(token)
    )
    if is_new:
        await record_entries(actor, [token_issued(written.id, user.id)])


async def has_demo_tokens() -> bool:
    """Tells whether a demo token would open the door."""
    return await Token.filter(
        digest__in=[hash_token(token) for token in DEMO_TOKENS]
    ).exists()
