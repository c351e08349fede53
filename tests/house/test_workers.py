"""The workers of pytest-xdist, which are forked from a process that has imported all tests."""

import os
import signal
import sys

import pytest


def test_a_failed_assertion_is_explained() -> None:
    with pytest.raises(AssertionError, match="At index 1 diff: 2 != 3"):
        assert [1, 2] == [1, 3]


def test_a_worker_answers_to_signals() -> None:
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="There is one process.")
def test_a_worker_has_all_tests_imported() -> None:
    assert "tests.spreadsheets.test_xls" in sys.modules
    assert os.environ["PYTEST_XDIST_WORKER"].startswith("gw")
