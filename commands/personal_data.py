"""The commands that show a person all that is stored of them, and erase it."""

import argparse

from commands.administration import clean_text, require_user
from commands.database import on_database
from commands.operator import current_operator
from commands.output import show, to_json, write
from models.personal_data.erase import Erased, erase_user, was_erased
from models.personal_data.export import read_person
from models.user import find_user


@on_database
async def user_export(arguments: argparse.Namespace) -> None:
    """Prints all that is stored of a person as JSON."""
    user = await require_user(arguments.email)
    await user.fetch_related("division")
    write(to_json(await read_person(user)))


@on_database
async def user_erase(arguments: argparse.Namespace) -> None:
    """Erases a person's data, and says how much was deleted and kept."""
    email = clean_text(arguments.email, "e-mail address")
    user = await find_user(email)
    if user is None and await was_erased(email):
        return _show_nothing_left(arguments)
    user = user or await require_user(email)
    erased = await erase_user(user.id, current_operator())
    if erased is None:
        # Another command was faster.
        return _show_nothing_left(arguments)
    value = {"user": user.id, "was_erased": False, **erased._asdict()}
    show(arguments, value, _describe(user.id, erased))


def _show_nothing_left(arguments: argparse.Namespace) -> None:
    value = {
        "user": None,
        "was_erased": True,
        **Erased(*[0] * len(Erased._fields))._asdict(),
    }
    show(arguments, value, "The data of this person was erased already.")


def _describe(number: int, erased: Erased) -> list[str]:
    counts = {name.replace("_", " "): count for name, count in erased._asdict().items()}
    deleted = [
        f"{count} {name[8:]}" for name, count in counts.items() if name[:7] == "deleted"
    ]
    kept = [f"{count} {name[5:]}" for name, count in counts.items() if name[:4] == "kept"]
    return [
        f"Erased user {number}.",
        f"Deleted: the profile, {', '.join(deleted)}.",
        f"Kept without the person: {', '.join(kept)}.",
        "Servers delete the files of the exports within a minute.",
    ]
