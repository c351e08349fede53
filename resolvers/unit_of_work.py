"""One unit of work a mutation: prepare, lock, change, commit; a rejection on the way undoes all of it."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Generic, Protocol, TypeVar, cast

import orjson
from tortoise.transactions import in_transaction

from models.basket.read import OWN, BasketRows
from models.database.connection import SERIALIZATION_FAILURES
from models.idempotency import claim_key, first_answer, store_answer
from models.rejections import Rejected, RejectionCode
from models.user import Buyer
from resolvers.answer import Answer, answer_of, rejected
from resolvers.context import Context, check_text
from resolvers.time_limit import begin_to_commit

ATTEMPTS = 5
"""How often a unit of work is begun again when the database, or Commerce's answer, had moved on meanwhile."""


class Outdated(Exception):
    """Raised when what was prepared no longer fits what the locked basket holds; the unit of work begins again."""


class KeyedInput(Protocol):
    """An input that may carry an idempotency key."""

    idempotency_key: str | None


GivenInput = TypeVar("GivenInput", bound=KeyedInput)


class Change(Generic[GivenInput]):
    """A change to baskets, in two steps; `whole` says whether its answer needs the items.

    What `apply` puts into `after_commit` is called when the change is committed, and not at all when it is rejected:
    that is the place to send messages. It must not wait for anything.
    """

    def __init__(self, context: Context, given: GivenInput, *, whole: bool) -> None:
        self.context = context
        self.given = given
        self.whole = whole
        self.after_commit: list[Callable[[], None]] = []

    @property
    def buyer(self) -> Buyer:
        """The buyer who asks for the change."""
        return self.context.buyer

    async def fingerprint(self) -> dict[str, Any]:
        """Returns what tells this input from another one with the same key."""
        return asdict(cast(Any, self.given)) | {"idempotency_key": None}

    async def digest(self) -> str:
        """Returns the digest of the mutation and its input."""
        text = orjson.dumps(await self.fingerprint(), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(type(self).__name__.encode() + text).hexdigest()

    async def at_once(self) -> Answer | None:
        """Makes the change in a transaction of its own, where there is a shorter way; None when there is none now."""
        return None

    async def prepare(self) -> None:
        """Checks the input and reads, or asks Commerce for, what is needed; outside of any transaction."""

    async def apply(self) -> Answer:
        """Makes the change, inside the transaction, beginning with the lock on the basket."""
        raise NotImplementedError

    async def read(self, basket_id: int) -> BasketRows:
        """Reads the changed basket, as the answer needs it."""
        return await OWN.rows(self.buyer.id, [basket_id], whole=self.whole)


async def carry_out(
    kind: type[Change[GivenInput]],
    context: Context,
    given: GivenInput,
    *,
    whole: bool = True,
) -> Answer:
    """Carries out a change and returns its answer, or the rejections; the same key gets the same answer.

    `whole` says whether the answer needs the items of the basket.
    """
    answer = await _carried_out(kind, context, given, whole)
    context.rejections.extend(error.code for error in answer.user_errors)
    if not answer.user_errors:
        context.accepted.append(kind.__name__)
    return answer


async def _carried_out(
    kind: type[Change[GivenInput]], context: Context, given: GivenInput, whole: bool
) -> Answer:
    key = given.idempotency_key
    # A kept answer must serve any selection that comes with the same key later, so it is always whole.
    change = kind(context, given, whole=key is not None or whole)
    try:
        change.buyer.check_active()
        if key is None:
            return await _attempt(change)
        check_text(key, "idempotency key", "idempotencyKey")
        return await _once(change, key, await change.digest())
    except Rejected as rejection:
        return rejected(rejection.rejections)


def _committed(change: Change[Any], answer: Answer) -> Answer:
    for call in change.after_commit:
        call()
    return answer


async def _attempt(change: Change[Any]) -> Answer:
    for attempt in range(1, ATTEMPTS + 1):
        change.after_commit.clear()
        try:
            if attempt == 1 and (answer := await change.at_once()):
                return answer
            await change.prepare()
            async with in_transaction():
                answer = await change.apply()
                begin_to_commit()
            return _committed(change, answer)
        except (Outdated, *SERIALIZATION_FAILURES):
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


async def _once(change: Change[Any], key: str, digest: str) -> Answer:
    """Carries out the change unless its key was answered before; the answer is kept in the same transaction."""
    if text := await first_answer(change.buyer.id, key, digest):
        return answer_of(text)
    for attempt in range(1, ATTEMPTS + 1):
        change.after_commit.clear()
        rejection = await _prepared(change)
        try:
            async with in_transaction():
                answer = await _claimed(change, key, digest, rejection)
                begin_to_commit()
            return _committed(change, answer)
        except (Outdated, *SERIALIZATION_FAILURES):
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


async def _prepared(change: Change[Any]) -> Rejected | None:
    try:
        await change.prepare()
    except Rejected as rejected:
        # The one rejection that is worth a retry with the same key: it is not stored.
        if any(
            each.code is RejectionCode.COMMERCE_UNAVAILABLE for each in rejected.rejections
        ):
            raise
        return rejected
    return None


async def _claimed(
    change: Change[Any], key: str, digest: str, rejection: Rejected | None
) -> Answer:
    if text := await claim_key(change.buyer.id, key, digest):
        return answer_of(text)
    try:
        if rejection:
            raise rejection
        # This inner transaction is a savepoint: a rejection undoes the change and keeps the key with its answer.
        async with in_transaction():
            answer = await change.apply()
    except Rejected as rejected_by:
        change.after_commit.clear()
        answer = rejected(rejected_by.rejections)
    await store_answer(change.buyer.id, key, answer.text())
    return answer
