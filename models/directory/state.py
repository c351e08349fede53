"""The divisions and users of the database, as they are compared with the files."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from models.division import Division
from models.identity import ErasedPerson
from models.user import people


class DivisionState(NamedTuple):
    """A division as it is stored, with its parent's ERP code; one that is new has no number."""

    id: int | None
    erp_code: str
    name: str
    parent: str | None
    is_active: bool


class UserState(NamedTuple):
    """A user as they are stored, with their division's ERP code; one who is new has no number."""

    id: int | None
    email: str
    first_name: str
    last_name: str
    division: str
    is_active: bool


class DirectoryState(NamedTuple):
    """All divisions by ERP code, all users, and the digests of those erased."""

    divisions: Mapping[str, DivisionState]
    users: "UserIndex"
    erased: frozenset[str]


class UserIndex:
    """Users by their e-mail addresses, in any case of letters."""

    def __init__(self, users: Iterable[UserState]) -> None:
        self.users = list(users)
        self._lower = {user.email.lower(): user for user in self.users}
        self._folded: dict[str, list[UserState]] = {}
        for user in self.users:
            self._folded.setdefault(user.email.casefold(), []).append(user)

    def find(self, email: str) -> list[UserState]:
        """Returns the users with an address; several only where its letters fold into one."""
        exact = self._lower.get(email.lower())
        # The databases tell "ß" from "ss", and people do not.
        return [exact] if exact else self._folded.get(email.casefold(), [])


async def read_state() -> DirectoryState:
    """Reads all divisions and users."""
    divisions: Any = await (
        Division.all()
        .order_by("erp_code")
        .values_list("id", "erp_code", "name", "parent__erp_code", "is_active")
    )
    names = ("email", "first_name", "last_name")
    users: Any = await (
        people()
        .order_by("email")
        .values_list("id", *names, "division__erp_code", "is_active")
    )
    erased: Any = await ErasedPerson.all().values_list("digest", flat=True)
    return DirectoryState(
        {row[1]: DivisionState(*row) for row in divisions},
        UserIndex(UserState(*row) for row in users),
        frozenset(erased),
    )
