"""Settings are read by code that runs, not by its import: forked tests renew only the settings."""

import ast
from collections.abc import Iterator

import pytest

from settings import ROOT
from tests.house.test_architecture import MAY_IMPORT, sources

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
OPTIONS = ("OPTIONS", "Options", "LogOptions")


def evaluated_by_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Yields code that an import evaluates: all but bodies of functions and annotations."""
    for field, value in ast.iter_fields(tree):
        is_body = isinstance(tree, FUNCTIONS) and field == "body"
        if is_body or field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child
                yield from evaluated_by_import(child)


def takes_a_setting(part: ast.AST) -> bool:
    """Whether code is `settings.NAME`, a name imported from `settings`, or options with values."""
    if isinstance(part, ast.ImportFrom):
        return part.module == "settings"
    if isinstance(part, ast.Attribute):
        return isinstance(part.value, ast.Name) and part.value.id == "settings"
    return isinstance(part, ast.Name) and part.id in OPTIONS


def test_no_module_reads_a_setting_while_it_is_imported() -> None:
    assert {
        str(path.relative_to(ROOT))
        for layer in MAY_IMPORT.keys() - {"settings", "bench"}
        for path in sources(layer)
        for part in evaluated_by_import(ast.parse(path.read_text(encoding="utf-8")))
        if takes_a_setting(part)
    } == set()


@pytest.mark.parametrize(
    ("code", "is_taken"),
    [
        ("LIMIT = settings.LIMIT", True),
        ("from settings import LIMIT", True),
        ("def ask(options: Options = OPTIONS) -> None: ...", True),
        ("class Part:\n    limit = 1 + settings.LIMIT", True),
        ("@cache(settings.LIMIT)\ndef ask() -> None: ...", True),
        ("from settings.options import OPTIONS, Options", False),
        ("def ask(options: Options | None = None) -> Options: return OPTIONS", False),
        (
            "class Part:\n    options: Options\n    def ask(self): return settings.LIMIT",
            False,
        ),
    ],
)
def test_the_rule_finds_a_setting_that_is_read(code: str, is_taken: bool) -> None:
    parts = evaluated_by_import(ast.parse(code))
    assert any(map(takes_a_setting, parts)) == is_taken
