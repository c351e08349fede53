"""How many examples the tests with random ones draw.

The embedded half draws a third of them, so that it ends within 90 seconds on two cores; the whole run
and CI draw all. TEST_THOROUGHNESS multiplies them, for a search of an hour.
"""

import os

from tests.support.programs import Run

THOROUGHNESS = int(os.environ.get("TEST_THOROUGHNESS", "1"))
"""How many times as many examples are drawn as in CI."""
IS_REPEATED = THOROUGHNESS == 1
"""Whether each run draws the same examples."""
QUICK_PART = 3


def examples(full: int) -> int:
    """Returns the number of examples of this run, where CI draws so many."""
    return -(-full // QUICK_PART) if Run.quick else full * THOROUGHNESS
