"""A wall clock that a file sets: a Python process with this folder on its path follows CLOCK_FILE, in seconds.

The file holds by how much the clock is to differ from the true one. Monotonic clocks go on, as they do when
the clock of a machine is set.
"""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine


def follow(file: Path) -> None:
    """Sets the clock of this process whenever the file changes, for ever."""
    travel, seen = None, "0"
    while True:
        wanted = file.read_text().strip() or seen
        if wanted != seen:
            if travel is not None:
                travel.stop()
            travel, seen = (
                time_machine.travel(
                    datetime.now(UTC) + timedelta(seconds=float(wanted)), tick=True
                ),
                wanted,
            )
            travel.start()
        time.sleep(0.1)


threading.Thread(target=follow, args=(Path(os.environ["CLOCK_FILE"]),), daemon=True).start()
