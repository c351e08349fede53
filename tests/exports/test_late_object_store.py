"""An object store that starts after the server."""

from pathlib import Path

import pytest

from tests.support.databases import sqlite_database
from tests.support.processes import Processes, free_port

pytestmark = pytest.mark.long


@pytest.mark.long
def test_a_store_that_does_not_answer_yet_does_not_keep_the_server_down(
    tmp_path: Path,
) -> None:
    processes = Processes(
        tmp_path,
        DATABASE_URL=sqlite_database(tmp_path),
        EXPORT_URL="s3://baskets/exports",
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
    )
    try:
        processes.serve(free_port())
        output = next(iter(tmp_path.glob("python*.log"))).read_text()
    finally:
        processes.end()
    assert (
        "The export store s3://baskets/exports (EXPORT_URL) does not answer yet" in output
    )
