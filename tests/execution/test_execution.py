"""Compiled execution: every answer equals the stock executor's, for random operations and random values."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import UploadFile
from strawberry import Schema

from tests.support.executors import compare
from tests.support.generated_schema import Generated, real_types, trees
from tests.support.operations import Choices, Drawn, operations
from tests.support.thoroughness import IS_REPEATED, examples

pytestmark = pytest.mark.long


EXAMPLES = 20
ROUNDS = 5
"""How often a document is executed, each time with other values."""

CHOICES = Choices({"file": [UploadFile(BytesIO(b"product__sku\n"), filename="a.csv")]})


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keeps Strawberry from logging every error with its traceback."""
    logger = logging.getLogger("strawberry.execution")
    logger.disabled = True
    yield
    logger.disabled = False


def compared(schema: Schema, choices: Choices, *, is_plain: bool) -> Counter[str]:
    """Compares the executors over random operations and generated values, and says what was seen."""
    counted: Counter[str] = Counter()

    @settings(
        max_examples=examples(EXAMPLES),
        deadline=None,
        derandomize=IS_REPEATED,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(
        drawn=operations(schema._schema, choices),
        seed=st.integers(0, 2**32),
        with_awaitables=st.booleans(),
    )
    def check(drawn: Drawn, seed: int, with_awaitables: bool) -> None:
        for number in range(ROUNDS):
            faults = (0, 3, 10, 30, 80)[number]
            context = Generated(seed + number, faults, with_awaitables)
            runner.run(
                compare(
                    schema,
                    drawn,
                    lambda _, context=context: context,  # type: ignore[misc]
                    is_ordered=not with_awaitables,
                    counted=counted,
                    with_strawberry=number == 3,
                    is_regular=is_plain and faults == 0 and not with_awaitables,
                )
            )

    with asyncio.Runner() as runner:
        check()
    return counted


@pytest.mark.parametrize("make", [real_types, trees])
def test_every_answer_equals_the_stock_executors_over_generated_values(
    make: Callable[[], Schema],
) -> None:
    # Trees have async methods, which are graphql-core's.
    counted = compared(make(), CHOICES, is_plain=make is real_types)
    assert counted["compared"] >= examples(EXAMPLES) * ROUNDS
    for kind in (
        "with errors",
        "with data and errors",
        "answered by the plan",
        "with fragments",
    ):
        assert counted[kind] > counted["compared"] // 30, counted
