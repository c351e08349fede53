"""Tests that share a fixture of their module run in one worker."""

import os

import pytest
from xdist.scheduler import LoadGroupScheduling


@pytest.fixture(scope="module", params=["one", "two"])
def server(request: pytest.FixtureRequest) -> str:
    """Stands for a process that takes long to start."""
    return str(request.param)


def group(request: pytest.FixtureRequest) -> str:
    """Returns the group in which pytest-xdist schedules a test."""
    name: str = LoadGroupScheduling._split_scope(None, request.node.nodeid)
    return name


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="There is one process.")
def test_the_scheduler_knows_the_group(request: pytest.FixtureRequest, server: str) -> None:
    assert group(request) == f"{__name__}-server={server}"


def test_other_tests_have_a_group_of_their_own(request: pytest.FixtureRequest) -> None:
    assert group(request) == request.node.nodeid
