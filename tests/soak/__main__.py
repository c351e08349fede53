"""The command of the soak."""

import argparse
import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak.soak import soak
from tests.support import run_folder
from tests.support.postgres_cluster import binaries


def main() -> int:
    """Runs a soak, prints its report and returns the exit status."""
    parser = argparse.ArgumentParser(description="Soaks the whole set-up under mixed load.")
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="how long; 300 when left out"
    )
    arguments = parser.parse_args()
    if binaries() is None:
        sys.stderr.write("PostgreSQL's server programs are needed: initdb and pg_ctl.\n")
        return 2
    with run_folder.made(), TemporaryDirectory(prefix="basket-soak-") as folder:
        report = asyncio.run(soak(arguments.seconds, Path(folder)))
    complaints = report.complaints()
    lines = [*report.lines(), *(complaints or ["It held."])]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
