"""The fixtures of exports."""

from datetime import timedelta

import pytest


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the sweeper look ten times as often, so that no test waits for it."""
    monkeypatch.setattr("tasks.exports.sweeper.SWEEP_SECONDS", 0.3)
    monkeypatch.setattr("models.export.job.RETRY_AFTER", timedelta(seconds=0.3))
