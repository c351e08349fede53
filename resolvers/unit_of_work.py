"""One unit of work per mutation: prepare, lock, change, commit; a rejection undoes all of it."""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, cast

import orjson
from tortoise.transactions import in_transaction

from models.basket.read import OWN
from models.basket.rows import BasketRows
from models.database.connection import SERIALIZATION_FAILURES
from models.idempotency import claim_key, find_answer, store_answer
from models.rejections import Rejected, RejectionCode
from models.user import Buyer
from resolvers.context import Context, check_text
from resolvers.outcome import Outcome, rejected
from resolvers.stored_outcome import outcome_from_text, outcome_to_text
from resolvers.time_limit import begin_to_commit, resume_limit

ATTEMPTS = 5
"""Attempts at a unit of work, when the database or Commerce's answer moves on meanwhile."""


class Outdated(Exception):
    """Raised when the preparation no longer fits the locked basket; the work begins again."""


class KeyedInput(Protocol):
    """An input that may carry an idempotency key."""

    idempotency_key: str | None


Input = TypeVar("Input", bound=KeyedInput)


class Change(Generic[Input]):
    """A change to baskets, in two steps; `full` says whether its answer needs the items.

    The calls that `apply` puts into `after_commit` are made when the change is committed, and not
    at all when it is rejected: that is the place to send messages. They must not wait.
    """

    def __init__(self, context: Context, input: Input, *, full: bool) -> None:
        self.context = context
        self.input = input
        self.full = full
        self.after_commit: list[Callable[[], None]] = []

    @property
    def buyer(self) -> Buyer:
        """The buyer who asks for the change."""
        return self.context.buyer

    async def fingerprint(self) -> dict[str, Any]:
        """Returns the canonical input that an idempotency key is bound to."""
        return asdict(cast(Any, self.input)) | {"idempotency_key": None}

    async def digest(self) -> str:
        """Returns the digest of the mutation and its input."""
        text = orjson.dumps(await self.fingerprint(), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(type(self).__name__.encode() + text).hexdigest()

    async def try_fast_path(self) -> Outcome | None:
        """Makes the change in its own transaction; None, with nothing changed, if it cannot."""
        return None

    async def prepare(self) -> None:
        """Checks the input and reads, or asks Commerce, before the transaction begins."""

    async def apply(self) -> Outcome:
        """Makes the change, inside the transaction, beginning with the lock on the basket."""
        raise NotImplementedError

    async def read(self, basket_id: int) -> BasketRows:
        """Reads the changed basket, as the answer needs it."""
        return await OWN.read(
            self.context.catalogue,
            full=self.full,
            user_id=self.buyer.id,
            basket_id=basket_id,
        )


async def carry_out(
    kind: type[Change[Input]], context: Context, input: Input, *, full: bool = True
) -> Outcome:
    """Carries out a change and returns its answer, or the rejections.

    The same idempotency key gets the same answer. `full` says whether the answer needs the items
    of the basket.
    """
    answer = await _answer(kind, context, input, full=full)
    context.rejections.extend(error.code for error in answer.user_errors)
    if not answer.user_errors:
        context.accepted.append(kind.__name__)
    return answer


async def _answer(
    kind: type[Change[Input]], context: Context, input: Input, *, full: bool
) -> Outcome:
    key = input.idempotency_key
    # A stored answer serves any selection that comes with the same key later, so it is full.
    change = kind(context, input, full=key is not None or full)
    try:
        change.buyer.check_active()
        if key is None:
            fast = await _try_fast_path(change)
            return fast or await _retry(partial(_attempt, change))
        check_text(key, "idempotency key", "idempotencyKey")
        return await _answer_once(change, key, await change.digest())
    except Rejected as rejection:
        return rejected(rejection.rejections)


async def _try_fast_path(change: Change[Any]) -> Outcome | None:
    # From here on the change may be committed at any moment, so the request is not given up; where
    # the fast path changes nothing, the time limit counts again.
    begin_to_commit()
    with suppress(*SERIALIZATION_FAILURES):
        if answer := await change.try_fast_path():
            return answer
    resume_limit()
    return None


async def _answer_once(change: Change[Any], key: str, digest: str) -> Outcome:
    """Carries out the change unless its key was answered before."""
    # Looked for first, so that a retry neither asks Commerce again nor begins a transaction.
    if text := await find_answer(change.buyer.id, key, digest):
        return outcome_from_text(text)
    return await _retry(partial(_attempt_once, change, key, digest))


async def _retry(attempt: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """Makes an attempt, and again when its transaction met another one or was outdated."""
    for _ in range(ATTEMPTS - 1):
        with suppress(Outdated, *SERIALIZATION_FAILURES):
            return await attempt()
    return await attempt()


async def _attempt(change: Change[Any]) -> Outcome:
    # An attempt that was rolled back may have left calls.
    change.after_commit.clear()
    await change.prepare()
    return await _commit(change, change.apply)


async def _attempt_once(change: Change[Any], key: str, digest: str) -> Outcome:
    """Makes the change and stores its answer with the key, in one transaction."""
    change.after_commit.clear()
    rejection = await _prepared(change)
    return await _commit(change, partial(_claimed, change, key, digest, rejection))


async def _commit(change: Change[Any], apply: Callable[[], Awaitable[Outcome]]) -> Outcome:
    async with in_transaction():
        answer = await apply()
        # Before the block ends, which is the commit: the time limit must not interrupt it.
        begin_to_commit()
    for call in change.after_commit:
        call()
    return answer


async def _prepared(change: Change[Any]) -> Rejected | None:
    try:
        await change.prepare()
    except Rejected as rejected:
        # The one rejection that is worth a retry with the same key: it is not stored.
        codes = {rejection.code for rejection in rejected.rejections}
        if RejectionCode.COMMERCE_UNAVAILABLE in codes:
            raise
        return rejected
    return None


async def _claimed(
    change: Change[Any], key: str, digest: str, rejection: Rejected | None
) -> Outcome:
    if text := await claim_key(change.buyer.id, key, digest):
        return outcome_from_text(text)
    try:
        if rejection:
            # Raised after the claim, so that it is stored as the outcome of the key.
            raise rejection
        # This inner transaction is a savepoint: a rejection undoes the change, and keeps the key
        # with its outcome.
        async with in_transaction():
            answer = await change.apply()
    except Rejected as rejected_by:
        # The savepoint has undone the change that these calls belong to.
        change.after_commit.clear()
        answer = rejected(rejected_by.rejections)
    await store_answer(change.buyer.id, key, outcome_to_text(answer))
    return answer
