"""The rights that the role of the servers needs on the tables of this release."""

from tortoise import Tortoise

from models.database.statements import is_sqlite, load_statements

_MISSING_RIGHTS = load_statements(__file__)["missing_rights"]
_SHOWN = 5
"""Rights that a message names, at most."""


async def describe_missing_rights() -> str:
    """Returns the rights that the role of the open database lacks; empty when it has all of them.

    A role that another one migrates for lacks those on new tables unless it is granted them.
    Raises what the database raises.
    """
    if is_sqlite():
        return ""
    apps = Tortoise.apps or {}
    tables = sorted(model._meta.db_table for model in apps["models"].values())
    rows = await _MISSING_RIGHTS.rows(tables=tables)
    if not rows:
        return ""
    rights = [f"{row['privilege']} on {row['name']}" for row in rows]
    more = f" and {len(rights) - _SHOWN} more" if len(rights) > _SHOWN else ""
    return (
        f"the role {rows[0]['role']} lacks rights: {', '.join(rights[:_SHOWN])}{more}; "
        "docs/database.md has the statements that grant them"
    )
