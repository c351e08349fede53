"""The soak in short, and that it would say so if something did not hold."""

import subprocess
import sys

from bench.soak import Report, Sample
from bench.soak_buyer import Record
from tests.processes import ROOT
from tests.programs import program
from tests.waiting import TIMEOUT_SECONDS

STEADY = Sample(memory=100_000_000, files=200, connections=40)


def report(*samples: Sample, wrong: tuple[str, ...] = (), kept: int = 7) -> Report:
    """Returns a report of so many equal samples, and then others."""
    record = Record(wrong=list(wrong), pieces=7)
    return Report(seconds=10.0, record=record, samples=[STEADY] * 90 + list(samples) * 10, pieces_kept=kept)


def test_it_complains_of_what_does_not_hold() -> None:
    assert report(STEADY).complaints() == []
    assert report(STEADY, wrong=("read: 500", "read: 500")).complaints() == ["read: 500"]
    assert report(STEADY, kept=6).complaints() == ["7 pieces were acknowledged, and 6 are kept."]
    grown = Sample(memory=111_000_000, files=221, connections=49)
    assert report(grown).complaints() == [
        "The memory grew from 100,000,000 to 111,000,000.",
        "The files grew from 200 to 221.",
        "The connections grew from 40 to 49.",
    ]


def test_fifteen_seconds_of_mixed_load_hold() -> None:
    program("haproxy")
    command = [sys.executable, "-m", "bench.soak", "--seconds", "15"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["It held."]), done.stdout + done.stderr
