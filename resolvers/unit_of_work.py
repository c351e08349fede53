"""One unit of work per mutation: prepare, lock, change, commit; a rejection undoes all of it."""

from collections.abc import Awaitable, Callable, Set
from contextlib import suppress
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from tortoise.transactions import in_transaction

from models.basket.lock import LockedBasket
from models.basket.read import ITEMS, OWN, Wants
from models.basket.rows import BasketRows
from models.database.connection import REFERENCE_FAILURES, SERIALIZATION_FAILURES
from models.history.record import Author
from models.history.retain import retain_version
from models.idempotency import KEPT, Key, KnownKey, find_key, lock_key, store_outcome
from models.rejections import Rejected, Rejection, RejectionCode
from models.timestamps import now
from models.user import Buyer, BuyerErased, is_known
from resolvers.context import Context, check_text
from resolvers.input_digest import differing_fields, digest_of
from resolvers.outcome import Outcome, rejected
from resolvers.stored_outcome import outcome_to_text, recall_outcome
from resolvers.time_limit import (
    LaterPartTookTooLong,
    begin_to_commit,
    limit_later_part,
    resume_limit,
)

ATTEMPTS = 5
"""Attempts at a unit of work, when the database or Commerce's answer moves on meanwhile."""


class Outdated(Exception):
    """Raised when the preparation no longer fits the locked basket; the work begins again."""


def require_confirmed(new_products: Set[int], confirmed: Set[int]) -> None:
    """Raises Outdated for products new to the basket that Commerce was not asked for.

    They were taken as known because the basket held them, and were removed meanwhile.
    """
    if not new_products <= confirmed:
        raise Outdated


class KeyedInput(Protocol):
    """An input that may carry an idempotency key."""

    idempotency_key: str | None


AnyInput = TypeVar("AnyInput", bound=KeyedInput)
Done = TypeVar("Done")


class Change(Generic[AnyInput]):
    """A change to baskets, in two steps; `wants` has the parts of them that its answer needs.

    The calls that `apply` puts into `after_commit` are made when the change is committed, and not
    at all when it is rejected: that is the place to send messages. They must not wait.
    """

    def __init__(self, context: Context, input: AnyInput, *, wants: Wants) -> None:
        self.context = context
        self.input = input
        self.wants = wants
        self.after_commit: list[Callable[[], None]] = []

    @property
    def buyer(self) -> Buyer:
        """The buyer who asks for the change."""
        return self.context.buyer

    @property
    def author(self) -> Author:
        """The buyer as the author of a version."""
        return Author(self.buyer.id, self.context.origin)

    async def fingerprint(self) -> dict[str, Any]:
        """Returns the parts of the input that an idempotency key is bound to, as JSON has them."""
        return differing_fields(self.input)

    async def try_fast_path(self, key: Key | None) -> Outcome | KnownKey | None:
        """Makes the change in its own transaction; None, with nothing changed, if it cannot.

        With a key it stores the outcome in the same transaction; a key that was used before comes
        back with its outcome, and nothing is changed.
        """
        return None

    async def prepare(self) -> None:
        """Checks the input and reads, or asks Commerce, before the transaction begins."""

    async def apply(self) -> Outcome:
        """Makes the change, inside the transaction, beginning with the lock on the basket."""
        raise NotImplementedError

    async def read_if_any(
        self, basket: LockedBasket, *, is_changed: bool
    ) -> BasketRows | None:
        """Reads the basket; None when there was none before, and the change made none."""
        return await self.read(basket.id) if basket.version or is_changed else None

    async def read(self, basket_id: int) -> BasketRows:
        """Reads the changed basket, as the answer needs it."""
        return await OWN.read(
            self.context.catalogue,
            self.wants,
            user_id=self.buyer.id,
            basket_id=basket_id,
        )


async def carry_out(
    kind: type[Change[AnyInput]], context: Context, input: AnyInput, *, wants: Wants = ITEMS
) -> Outcome:
    """Carries out a change and returns its outcome, or the rejections.

    The same idempotency key gets the same outcome, with the baskets as they are now. `wants` has
    the parts of the basket that the answer needs. Raises BuyerErased.
    """
    carry_out_change = _carry_out_later if context.accepted else _carry_out
    try:
        outcome = await carry_out_change(kind(context, input, wants=wants))
    except Rejected as rejection:
        outcome = rejected(rejection.rejections)
    except REFERENCE_FAILURES as failure:
        # The row of someone erased is gone, so that nothing more of theirs can be written.
        if await is_known(context.buyer.id):
            raise
        raise BuyerErased from failure
    if outcome.user_errors:
        context.rejections.extend(error.code for error in outcome.user_errors)
    else:
        context.accepted.append(kind.__name__)
        # After the commit. Should the process die in between, the version tells the watchers later.
        context.hub.hint(context.buyer.id)
    return outcome


async def _carry_out_later(change: Change[Any]) -> Outcome:
    """Carries out a change after others of the same operation; raises OPERATION_TIMEOUT.

    The others are committed, so that the response must tell of them: a client repeats an operation
    that was given up as a whole.
    """
    try:
        with limit_later_part():
            return await _carry_out(change)
    except LaterPartTookTooLong as error:
        raise Rejection(RejectionCode.OPERATION_TIMEOUT, str(error)) from None


async def _carry_out(change: Change[Any]) -> Outcome:
    change.buyer.check_active()
    text = change.input.idempotency_key
    key = None if text is None else await _read_key(change, text)
    done = await _try_fast_path(change, key)
    if done is None:
        done = await _retry(partial(_attempt, change, key))
    if isinstance(done, KnownKey):
        return await _recall(change, key, done)
    return done


async def _read_key(change: Change[Any], text: str) -> Key:
    """Returns the key of the input with the digest of the rest; raises INVALID_INPUT."""
    check_text(text, "idempotency key", "idempotencyKey")
    given = await change.fingerprint()
    del given["idempotency_key"]
    return Key(text, digest_of(type(change).__name__, given))


async def _try_fast_path(change: Change[Any], key: Key | None) -> Outcome | KnownKey | None:
    # From here on the change may be committed at any moment, so the request is not given up; where
    # the fast path changes nothing, the time limit counts again.
    begin_to_commit()
    done = None
    # The slow path rejects too, and stores the rejection with the key.
    with suppress(Rejected, *SERIALIZATION_FAILURES):
        done = await change.try_fast_path(key)
    if not isinstance(done, Outcome):
        resume_limit()
    return done


async def _retry(attempt: Callable[[], Awaitable[Done]]) -> Done:
    """Makes an attempt, and again when its transaction met another one or was outdated."""
    for _ in range(ATTEMPTS - 1):
        with suppress(Outdated, *SERIALIZATION_FAILURES):
            return await attempt()
    return await attempt()


async def _attempt(change: Change[Any], key: Key | None) -> Outcome | KnownKey:
    if key is None:
        return await _make(change, key)
    # Looked for first, so that a retry neither asks Commerce again nor waits for a basket.
    if known := await find_key(change.buyer.id, key.text):
        return known
    try:
        return await _make(change, key)
    except Rejected as rejection:
        if not _is_final(rejection):
            raise
        return await _reject(change, key, rejection)


async def _make(change: Change[Any], key: Key | None) -> Outcome | KnownKey:
    # An attempt that was rolled back may have left calls.
    change.after_commit.clear()
    await change.prepare()
    return await _commit(change, key, change.apply)


def _is_final(rejection: Rejected) -> bool:
    """Tells whether a retry with the same key is to be rejected too."""
    codes = {each.code for each in rejection.rejections}
    return RejectionCode.COMMERCE_UNAVAILABLE not in codes


async def _reject(change: Change[Any], key: Key, rejection: Rejected) -> Outcome | KnownKey:
    """Stores a rejection as the outcome of a key, after it has undone the change."""
    change.after_commit.clear()

    # Rejections are counted where they are made, so only if the key is still new.
    async def apply() -> Outcome:
        return rejected(rejection.rejections)

    return await _commit(change, key, apply)


async def _commit(
    change: Change[Any], key: Key | None, apply: Callable[[], Awaitable[Outcome]]
) -> Outcome | KnownKey:
    """Makes a change and stores its outcome, in one transaction, unless the key is known."""
    async with in_transaction():
        if key and (known := await lock_key(change.buyer.id, key.text)):
            return known
        outcome = await apply()
        if key and outcome.is_final:
            await _store(change, key, outcome)
        # Before the block ends, which is the commit: the time limit must not interrupt it.
        begin_to_commit()
    # A change in several steps does not tell what became of them.
    change.context.catalogue.contents.forget(change.buyer.id)
    for call in change.after_commit:
        call()
    return outcome


async def _store(change: Change[Any], key: Key, outcome: Outcome) -> None:
    stored = outcome_to_text(outcome)
    # Else it is a long report of a dry run, and a retry is a new one.
    if stored.is_complete:
        await store_outcome(change.buyer.id, key, stored.text)
    if stored.is_complete and stored.retained:
        await retain_version(stored.retained, now() + KEPT)


async def _recall(change: Change[Any], key: Key | None, known: KnownKey) -> Outcome:
    """Returns the outcome of a known key; raises IDEMPOTENCY_KEY_REUSED for another input."""
    if key is None or key.digest != known.digest:
        raise Rejection(
            RejectionCode.IDEMPOTENCY_KEY_REUSED,
            f"The key {change.input.idempotency_key!r} was used before with another input.",
            "idempotencyKey",
        )
    return await recall_outcome(known.outcome, change.context, change.read)
