"""A large basket over a link of 10 Mbit/s: real packets through the kernel's token bucket."""

import json
import subprocess
import sys

import pytest

from tests.support.processes import ROOT
from tests.support.programs import missing, program
from tests.support.waiting import TIMEOUT_SECONDS


@pytest.mark.long
def test_a_large_basket_arrives_five_times_sooner_when_it_is_compressed() -> None:
    unshare, tc, ip = (program(name) for name in ("unshare", "tc", "ip"))
    own = [unshare, "--net", "--", "sh", "-c"]
    bucket = f'"{tc}" qdisc add dev lo root tbf rate 10mbit burst 16kb latency 2s'
    may = subprocess.run([*own, bucket], capture_output=True, text=True, check=False)
    if may.returncode:
        missing(f"A network namespace with a slow link cannot be made: {may.stderr}")
    script = f'"{ip}" link set lo up && exec "{sys.executable}" -m tests.support.slow_link'
    done = subprocess.run(
        [*own, script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS * 2,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    size, seconds = found["identity"]
    # 10 Mbit/s let a byte through in 0.8 microseconds, so the link is as slow as it should be.
    assert seconds > size * 0.7e-6
    for name in ("gzip", "zstd"):
        compressed_size, compressed_seconds = found[name]
        assert compressed_size * 5 < size
        assert compressed_seconds * 5 < seconds
