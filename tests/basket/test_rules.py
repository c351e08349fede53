"""Random operations of several users, compared after each step with the rules in plain Python."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.bulk_operations import BulkMachine
from tests.support.programs import IN_CI
from tests.support.random_operations import BasketMachine
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


def settings_of(count: int, steps: int) -> settings:
    """Returns the settings of so many examples in the whole run, with so many steps each."""
    return settings(
        max_examples=examples(count),
        stateful_step_count=steps,
        deadline=None,
        derandomize=IN_CI,
        suppress_health_check=[HealthCheck.too_slow],
    )


def test_random_operations_leave_what_the_rules_say(database_url: str) -> None:
    # With all steps in one machine, the single ones would be drawn too seldom.
    machines = [
        (BasketMachine, settings_of(6, steps=25)),
        (BulkMachine, settings_of(5, steps=40)),
    ]
    counted: Counter[str] = Counter()
    reverts: Counter[bool] = Counter()
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            shop = runner.run(stack.enter_async_context(serve_shop()))
            opened = runner.run(stack.enter_async_context(serve(database_url, shop)))
            for machine, chosen in machines:
                shared = {"accepted": counted, "reverted": reverts}
                members = {**shared, "service": opened, "loop": runner}
                of_run = type(machine.__name__, (machine,), members)
                run_state_machine_as_test(of_run, settings=chosen)
        finally:
            runner.run(stack.aclose())
    if IN_CI:
        # A run must not be a vacuous one.
        assert set(+counted) == MUTATIONS
        assert set(+reverts) == {True, False}
