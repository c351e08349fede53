"""The private names of libraries that are used: an upgrade that changes one is noticed here."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from asyncpg.protocol.protocol import BaseProtocol

from models.database import tortoise_internals
from models.database.postgres import asyncpg_internals

ROOT = Path(__file__).parents[2]
NAMES = [
    (place, name)
    for names in (asyncpg_internals.NAMES, tortoise_internals.NAMES)
    for place, group in names.items()
    for name in group
]


def find(place: str) -> Any:
    """Returns a module, or a class of one."""
    module, _, name = place.rpartition(".")
    return getattr(import_module(module), name)


@pytest.mark.parametrize(("place", "name"), NAMES)
def test_the_library_still_has_the_name(place: str, name: str) -> None:
    assert name in inspect.getsource(find(place))


def test_the_protocol_of_asyncpg_still_has_the_names_that_the_pool_asks_it_for() -> None:
    assert hasattr(BaseProtocol, "_is_cancelling")
    assert hasattr(BaseProtocol, "queries_count")
    assert hasattr(BaseProtocol, "get_settings")


def test_the_pool_names_them_in_one_file_only() -> None:
    folder = ROOT / "models/database"
    others = [path for path in folder.rglob("*.py") if path.name != "asyncpg_internals.py"]
    private = {
        name
        for place, names in asyncpg_internals.NAMES.items()
        for name in names
        if place != "asyncpg.pool.Pool"
    }
    found = {
        f"{path.name}: .{name}"
        for path in others
        for name in private - {"_generation", "_release"}
        if re.search(rf"\.{name}\b", path.read_text(encoding="utf-8"))
    }
    assert found == set()
