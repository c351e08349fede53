"""Random operations of several users, compared after each step with the rules in plain Python."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from tests.support.bulk_operations import BulkMachine
from tests.support.programs import IN_CI
from tests.support.service import serve
from tests.support.shop import serve_shop
from tests.support.thoroughness import examples

pytestmark = pytest.mark.long


MUTATIONS = {
    "basketItemsAdd",
    "basketItemUpdate",
    "basketItemsSet",
    "basketItemRemove",
    "basketClear",
    "basketSave",
    "basketLoad",
    "basketDelete",
    "basketCopy",
    "basketRename",
    "basketRefresh",
    "basketRevert",
    "quotationRequest",
}


def test_random_operations_leave_what_the_rules_say(database_url: str) -> None:
    chosen = settings(
        max_examples=examples(30 if database_url.startswith("sqlite://") else 20),
        stateful_step_count=50,
        deadline=None,
        derandomize=IN_CI,
        suppress_health_check=[HealthCheck.too_slow],
    )
    counted: Counter[str] = Counter()
    reverts: Counter[bool] = Counter()
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            shop = runner.run(stack.enter_async_context(serve_shop()))
            opened = runner.run(stack.enter_async_context(serve(database_url, shop)))

            class Machine(BulkMachine):
                accepted = counted
                reverted = reverts
                service = opened
                loop = runner

            run_state_machine_as_test(Machine, settings=chosen)
        finally:
            runner.run(stack.aclose())
    if chosen.derandomize:
        # Each run is then the same one, and it must not be a vacuous one.
        assert set(+counted) == MUTATIONS
        assert set(+reverts) == {True, False}
