"""Erasing a person: their row and all that is theirs goes; accounting keeps the quotations.

Quotations and their baskets pass to a nameless user of the same division. The row of the person
is deleted, so that foreign keys reject all that a request of theirs, still running, would add: it
ends in `BuyerErased`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from models.audit.record import AuditActor, Entry, record_entries
from models.audit.tables import AuditAction
from models.basket.tables import Basket, BasketStatus
from models.database.outage import CONFLICTS
from models.directory.write import lock_directory
from models.division import Division
from models.export.export import UNFINISHED, BasketExport, ExportStatus
from models.export.job import LEASE
from models.history.tables import BasketChange
from models.idempotency import IdempotencyKey
from models.identity import ErasedPerson, Identity, hash_email
from models.person import ERASED_DOMAIN
from models.personal_data.entries import erase_from_audit
from models.quotation import Quotation
from models.timestamps import now
from models.user import Token, User

ATTEMPTS = 20
"""Attempts at the transaction, when it meets a change of the same person's baskets."""
AT_ONCE = 20
"""How many baskets one statement deletes, each of which may have 10,000 items."""


class Erased(NamedTuple):
    """How many rows of a person were deleted, and how many were kept without the person."""

    deleted_baskets: int
    deleted_tokens: int
    deleted_identities: int
    deleted_idempotency_keys: int
    deleted_exports: int
    kept_quotations: int
    kept_changes: int
    kept_audit_entries: int


async def erase_user(user_id: int, actor: AuditActor) -> Erased | None:
    """Erases a person's data in one transaction; None when the user is gone already."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await _erase(user_id, actor)
        except (*CONFLICTS, IntegrityError):
            # A deadlock with a change, or a basket of theirs that was submitted meanwhile.
            continue
    return await _erase(user_id, actor)


async def was_erased(email: str) -> bool:
    """Whether the person with an e-mail address was erased."""
    return await ErasedPerson.filter(digest=hash_email(email)).exists()


async def readmit(email: str) -> bool:
    """Forgets that a person was erased, who comes back; returns whether they were."""
    return bool(await ErasedPerson.filter(digest=hash_email(email)).delete())


async def _erase(user_id: int, actor: AuditActor) -> Erased | None:
    async with in_transaction():
        # Before all reading, so that an import and an erasure come one after the other.
        await lock_directory()
        user = await _lock(user_id)
        if user is None:
            return None
        kept = await _keep_quotations(user)
        erased = Erased(
            kept_quotations=len(kept),
            kept_changes=await _forget_author(user_id, kept),
            kept_audit_entries=await erase_from_audit(user_id),
            deleted_exports=await _end_exports(user_id),
            deleted_baskets=await _delete_baskets(user_id),
            deleted_tokens=await Token.filter(user_id=user_id).delete(),
            deleted_identities=await _delete_identities(user),
            deleted_idempotency_keys=await IdempotencyKey.filter(user_id=user_id).delete(),
        )
        # Last: the deletion would take rows with it that are counted above.
        await user.delete()
        entry = Entry(AuditAction.USER_ERASED, user_id, after=erased._asdict())
        await record_entries(actor, [entry])
        return erased


async def _lock(user_id: int) -> User | None:
    """Locks the baskets and then the user, to whom nobody can refer from then on.

    In the order of every change: whoever has locked a basket needs the user next, so that waiting
    for a basket with the user locked would be a circle. The last reading locks the few baskets that
    were made in between.
    """
    locked, found = -1, await _lock_baskets(user_id)
    # While it waited for the active basket, that may have been saved, and another one made.
    while found != locked:
        locked, found = found, await _lock_baskets(user_id)
    user = await User.select_for_update().get_or_none(id=user_id)
    if user is not None:
        # Not joined: PostgreSQL does not lock rows beside those of an outer join.
        await user.fetch_related("division")
        await _lock_baskets(user_id)
    return user


async def _lock_baskets(user_id: int) -> int:
    """Locks all baskets of the user that there are by now; returns their number."""
    # In one order, so that erasures and sweepers never wait for each other in a circle.
    # Rows and not values: Tortoise locks nothing for lists of values.
    baskets = Basket.filter(user_id=user_id).order_by("id").select_for_update()
    return len(await baskets.only("id"))


async def _keep_quotations(user: User) -> list[int]:
    """Passes quotations to the nameless user of the division; returns the ids of their baskets."""
    quotations = Quotation.filter(user_id=user.id)
    ids: Any = await quotations.order_by("basket_id").values_list("basket_id", flat=True)
    if ids:
        nameless = await _nameless_user(user.division)
        await quotations.update(user_id=nameless.id)
        submitted = Basket.filter(user_id=user.id, status=BasketStatus.SUBMITTED)
        await submitted.update(user_id=nameless.id)
    return list(ids)


async def _nameless_user(division: Division) -> User:
    names = {"first_name": "Erased", "last_name": "user", "is_active": False}
    user, _ = await User.get_or_create(
        email=f"division-{division.id}@{ERASED_DOMAIN}",
        defaults={**names, "division": division},
    )
    return user


async def _forget_author(user_id: int, basket_ids: Sequence[int]) -> int:
    """Takes the author from the history of kept baskets; returns the number of changes."""
    count = 0
    for ids in _parts(basket_ids):
        changes = BasketChange.filter(basket_id__in=ids, user_id=user_id)
        count += await changes.update(user_id=None)
    return count


async def _end_exports(user_id: int) -> int:
    """Has the servers' sweepers delete the files of all exports; returns their number.

    No link leads to them any more. An attempt that is being made learns from its lease that it is
    over, within that time.
    """
    ended_at = now()
    exports = BasketExport.filter(user_id=user_id)
    nobody = {"user_id": None, "basket_id": None, "expires_at": ended_at}
    running = exports.filter(status__in=UNFINISHED)
    await running.update(
        status=ExportStatus.FAILED,
        failure="The data of the user was erased.",
        lease_owner=None,
        lease_until=None,
        finished_at=ended_at,
        files_until=ended_at + LEASE,
    )
    with_files = exports.filter(files_until__isnull=False)
    await with_files.filter(files_until__gt=ended_at + LEASE).update(files_until=ended_at)
    return await exports.update(**nobody)


async def _delete_baskets(user_id: int) -> int:
    """Deletes all baskets that the user has left, with items, history and all."""
    ids: Any = (
        await Basket.filter(user_id=user_id).order_by("id").values_list("id", flat=True)
    )
    for part in _parts(list(ids)):
        await Basket.filter(id__in=part).delete()
    return len(ids)


async def _delete_identities(user: User) -> int:
    """Deletes the accounts of a user; digests stay, so that no login or import makes them anew."""
    accounts: Any = await Identity.filter(user_id=user.id).values_list("digest", flat=True)
    digests = [hash_email(user.email), *accounts]
    people = [ErasedPerson(digest=digest) for digest in digests]
    await ErasedPerson.bulk_create(people, ignore_conflicts=True)
    return await Identity.filter(user_id=user.id).delete()


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for begin in range(0, len(ids), AT_ONCE):
        yield ids[begin : begin + AT_ONCE]
