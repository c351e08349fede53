"""The architecture: imports point one way, and settings are read in one place. Only the standard library judges."""

import ast
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.main import load_function
from commands.parser import COMMAND, SERVER, WORKER, create_parser

ROOT = Path(__file__).parents[2]

SHARED = {"settings", "logs", "request_record", "text"}
# What each layer may import of ours; below them all stands nothing.
MAY_IMPORT = {
    "server": {"commands"},
    "commands": SHARED | {"commands", "application", "web", "tasks", "models"},
    "application": SHARED | {"resources", "web", "resolvers", "schema", "tasks"},
    "resources": SHARED | {"web", "resolvers", "tasks", "models", "commerce"},
    "web": SHARED
    | {"web", "resolvers", "schema", "tasks", "models", "commerce", "identity"},
    "resolvers": {
        "resolvers",
        "settings",
        "text",
        "request_record",
        "schema",
        "tasks",
        "models",
        "commerce",
    },
    "schema": {"schema", "models"},
    "tasks": SHARED | {"tasks", "models"},
    "commerce": {"commerce", "response_body", "text"},
    "identity": {"identity", "response_body"},
    "models": {"models", "text"},
    "logs": {"settings", "request_record"},
    "request_record": set[str](),
    "settings": {"settings"},
    "response_body": set[str](),
    "text": set[str](),
    # Of ours, only the tests may import the benchmark.
    "bench": {
        "bench",
        "settings",
        "web",
        "resolvers",
        "schema",
        "tasks",
        "models",
        "commerce",
    },
}
# The rooms within a layer, and the other rooms of the layer that each may import. The files
# directly in the layer's folder are a room too.
MAY_IMPORT_ROOMS = {
    "web": set[str](),
    "web/http": set[str](),
    "web/documents": {"web/http"},
    "web/exports": {"web/http"},
    "web/graphql": {"web/documents", "web/http"},
    "web/live": {"web/graphql", "web/http", "web/monitoring"},
    "web/rest": {"web/http"},
    "web/lifecycle": {"web/http"},
    "web/monitoring": {"web/http", "web/lifecycle"},
    "schema": set[str](),
    "schema/execution": {"schema"},
    "tasks": {"tasks/exports", "tasks/redis"},
    "tasks/exports": {"tasks", "tasks/redis", "tasks/spreadsheets"},
    "tasks/live": {"tasks/redis"},
    "tasks/redis": {"tasks"},
    "tasks/spreadsheets": set[str](),
    "models": {
        "models/audit",
        "models/basket",
        "models/database",
        "models/personal_data",
        "models/product",
    },
    "models/audit": {"models", "models/database"},
    "models/retention": {"models", "models/basket"},
    "models/personal_data": {
        "models",
        "models/audit",
        "models/basket",
        "models/database",
        "models/directory",
        "models/export",
        "models/history",
    },
    "models/directory": {"models", "models/audit", "models/database"},
    "models/basket": {"models", "models/database", "models/history", "models/product"},
    "models/history": {"models", "models/basket", "models/database", "models/product"},
    "models/export": {"models", "models/basket", "models/database"},
    "models/live": {"models/database"},
    "models/product": {"models", "models/database"},
    "models/database": {"models", "models/database/postgres"},
    "models/database/postgres": {"models", "models/database"},
}
# The tests and the scripts may import everything, and nothing else imports them.
KNOWN = MAY_IMPORT.keys() | {"tests", "scripts"}


def sources(layer: str) -> list[Path]:
    """Returns the files of a layer: a folder or a module."""
    module = ROOT / f"{layer}.py"
    return [module] if module.exists() else sorted((ROOT / layer).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Returns the top names that a file imports, wherever in the file it does."""
    return {name.split(".")[0] for name in imported_modules(path)}


def imported_modules(path: Path) -> set[str]:
    """Returns the modules that a file imports, by their full names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively."
            names.add(node.module or "")
    return names


def test_imports_point_one_way() -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for layer, allowed in MAY_IMPORT.items()
        for path in sources(layer)
        for name in imported(path) & KNOWN - allowed
    }
    assert wrong == set()


def find_room(module: str) -> str | None:
    """Returns the room of a module or a package; None for one outside of all rooms."""
    parts = module.split(".")
    paths = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((path for path in paths if path in MAY_IMPORT_ROOMS), None)


def rooms() -> set[str]:
    """Returns the folders with files in the layers that have several rooms."""
    layers = {room.split("/")[0] for room in MAY_IMPORT_ROOMS}
    folders = {path.parent for layer in layers for path in sources(layer)}
    return {str(folder.relative_to(ROOT)) for folder in folders}


def test_rooms_of_a_layer_import_only_what_they_may() -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for room, allowed in MAY_IMPORT_ROOMS.items()
        for path in (ROOT / room).glob("*.py")
        for name in imported_modules(path)
        if (other := find_room(name)) is not None
        if other.split("/")[0] == room.split("/")[0]
        if other not in allowed | {room}
    }
    assert wrong == set()
    # A migration stands for itself, and imports nothing that may change after it.
    others = {room for room in rooms() if not room.startswith("models/migrations")}
    assert others == MAY_IMPORT_ROOMS.keys()


def test_the_reading_of_spreadsheets_knows_nothing_else_of_ours() -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources("tasks/spreadsheets")
        for name in imported_modules(path)
        if name.split(".")[0] in MAY_IMPORT
        and name != "text"
        and not name.startswith("tasks.spreadsheets.")
    }
    assert wrong == set()


def test_every_layer_has_files() -> None:
    assert {layer for layer in MAY_IMPORT if not sources(layer)} <= {"tasks"}


def test_imports_stand_at_the_top_of_their_file() -> None:
    inner = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for layer in MAY_IMPORT
        for path in sources(layer)
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert inner == set()


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for layer in MAY_IMPORT
        for path in sources(layer)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if layer != "settings"
        and isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
    }
    assert readers == set()


def test_every_command_has_its_function() -> None:
    functions = {
        str(default)
        for parser in parsers_of(create_parser())
        for name in ("command", "settings_check")
        if (default := parser.get_default(name))
    }
    assert len(functions) > 13
    for function in functions:
        assert callable(load_function(function))


def parsers_of(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    """Yields a parser and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action.choices, dict):
            for child in action.choices.values():
                yield from parsers_of(child)


@pytest.mark.parametrize("command", ["division", "user", "token"])
def test_commands_that_administer_do_not_import_the_application(command: str) -> None:
    functions = {
        str(parser.get_default("command")).partition(":")[0]
        for parser in parsers_of(create_parser())
        if parser.prog.split()[1:2] == [command] and parser.get_default("command")
    }
    code = f"import sys, server, {', '.join(sorted(functions))}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True
    )
    loaded = set(done.stdout.decode().split())
    assert (
        loaded & {"application", "strawberry", "starlette.applications", "uvicorn"} == set()
    )
    assert "commands.administration" in loaded


@pytest.mark.parametrize("check", [COMMAND, WORKER, SERVER])
def test_a_start_is_rejected_before_a_library_of_a_server_is_imported(check: str) -> None:
    code = f"import sys, server, {check.partition(':')[0]}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True
    )
    loaded = set(done.stdout.decode().split())
    libraries = {"tortoise", "strawberry", "starlette", "aiohttp", "dramatiq", "redis"}
    assert loaded & {"application", "uvicorn", *libraries} == set()
    assert check.partition(":")[0] in loaded


def test_files_stay_small() -> None:
    long = {
        f"{path.relative_to(ROOT)}: {count} lines"
        for layer in MAY_IMPORT
        for path in sources(layer)
        if "migrations" not in path.parts
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == set()
