"""The demo of the embedded server: divisions, and users with fixed tokens; writable again."""

from models.division import Division, DivisionType
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


async def write_demo() -> None:
    """Writes the missing parts of the demo and changes nothing else."""
    divisions: dict[str, Division] = {}
    for erp_code, name, parent, is_active in _DIVISIONS:
        values = {
            "name": name,
            "type": DivisionType.SUB if parent else DivisionType.MAIN,
            "parent": divisions[parent] if parent else None,
            "is_active": is_active,
        }
        divisions[erp_code], _ = await Division.get_or_create(
            defaults=values, erp_code=erp_code
        )
    for email, first_name, last_name, erp_code, token in _USERS:
        user = await find_user(email) or await User.create(
            email=email,
            first_name=first_name,
            last_name=last_name,
            division=divisions[erp_code],
        )
        await Token.get_or_create(defaults={"user": user}, digest=hash_token(token))


async def has_demo_tokens() -> bool:
    """Tells whether a demo token would open the door."""
    return await Token.filter(
        digest__in=[hash_token(token) for token in DEMO_TOKENS]
    ).exists()
