"""The settings: every value that cannot be used is rejected at start, by name and in one line."""

import ast
import json
import re
import sys

import pytest

import settings
from settings.checks import Use, find_problems
from tests.support.forks import run_program
from tests.support.ports import free_port
from tests.support.settings import KEY, PRODUCTION, commands, problems_of


def test_all_that_is_wrong_is_said_at_once() -> None:
    lines = problems_of(
        DEBUG="?", PORT="x", LOG_LEVEL="x", EXPORT_URL="", ENVIRONMENT="production"
    )
    names = [re.split(r"[ :]", line)[0] for line in lines]
    assert names == [
        "DEBUG",
        "PORT",
        "EXPORT_URL",
        "LOG_LEVEL",
        "COMMERCE_URL",
        "SECRET_KEY",
    ]


def test_a_rejected_setting_is_not_told_as_in_force() -> None:
    _, output, _ = commands(PORT="x", HOST="::1").run("check-settings")
    assert {"PORT=8000  (rejected)", "HOST=::1  (HOST)", "DEBUG=false  (default)"} <= set(
        output.splitlines()
    )


def test_each_use_checks_what_it_needs() -> None:
    line = commands(ENVIRONMENT="production", SECRET_KEY=KEY)
    assert line.run("check-settings")[::2] == (
        1,
        "COMMERCE_URL is not set: production needs a real Commerce.",
    )
    assert line.run("check-settings", "--for", "worker")[::2] == (
        1,
        "REDIS_URL is not set: without Redis there is nothing a worker could wait for.",
    )
    worker = commands(ENVIRONMENT="production", SECRET_KEY=KEY, REDIS_URL="redis://h")
    assert worker.run("check-settings", "--for", "worker")[::2] == (0, "")
    assert commands(ENVIRONMENT="production").run("check-settings", "--for", "command")[
        ::2
    ] == (0, "")


@pytest.mark.parametrize(
    ("served", "migrated"),
    [
        ("postgres://h/d", "sqlite:///srv/basket.sqlite3"),
        ("sqlite:///srv/basket.sqlite3", "postgres://h/d"),
        ("sqlite:///srv/basket.sqlite3", "sqlite:///srv/other.sqlite3"),
    ],
)
def test_an_address_of_another_database_for_migrations_is_rejected(
    served: str, migrated: str
) -> None:
    addresses = {"DATABASE_URL": served, "MIGRATION_DATABASE_URL": migrated}
    assert problems_of(**PRODUCTION, **addresses) == [
        "MIGRATION_DATABASE_URL names another database than DATABASE_URL; "
        "only PostgreSQL has a second address."
    ]
    assert problems_of(**PRODUCTION, **addresses | {"MIGRATION_DATABASE_URL": served}) == []


def test_names_that_are_nearly_settings_are_told() -> None:
    line = commands(
        DATABSE_URL="x", PUBLIC_URL_FILE="/x", SECRET_KEYS="x", HOSTNAME="x", EDITOR="x"
    )
    status, _, errors = line.run("check-settings")
    assert (status, errors.splitlines()) == (
        0,
        [
            "Warning: DATABSE_URL is no setting; DATABASE_URL may be meant.",
            "Warning: PUBLIC_URL_FILE is not read: only secrets can be read from a file.",
            "Warning: SECRET_KEYS is no setting; SECRET_KEY may be meant.",
        ],
    )


@pytest.mark.parametrize(
    "command",
    [
        ["server.py"],
        ["server.py", "migrate"],
        ["-m", "uvicorn", "server:application"],
        ["-c", "import dramatiq.cli, tasks"],
    ],
)
def test_every_process_rejects_in_json_in_production(command: list[str]) -> None:
    wrong = {
        "PORT": "x",
        "LOG_LEVEL": "x",
        "STOP_SECONDS": "0",
        "REDIS_URL": "redis://h:6379/0",
    }
    port = ["--port", str(free_port())] if "uvicorn" in command else []
    status, output, errors = run_program(
        sys.executable, *command, *port, **(PRODUCTION | wrong)
    )
    assert status == (3 if "uvicorn" in command else 1)
    assert output == ""
    messages = [json.loads(line)["message"] for line in errors.splitlines()]
    assert [message.split()[0] for message in messages] == [
        "PORT",
        "STOP_SECONDS",
        "LOG_LEVEL",
    ]


def test_the_documentation_lists_every_setting_with_its_default_and_its_values() -> None:
    text = (settings.ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [line.split(" | ", 3) for line in text.splitlines() if line.startswith("| `")]
    documented = [(row[0].removeprefix("| "), row[1].strip("` "), row[2]) for row in rows]
    declared = [
        (
            f"`{name}`{' †' if setting.kind.is_secret else ''}",
            setting.default,
            setting.kind.expects,
        )
        for name, setting in settings.READER.settings.items()
    ]
    assert documented == declared
    assert all(len(row[3]) > 10 for row in rows)


def test_every_constant_is_read_under_its_own_name() -> None:
    tree = ast.parse(
        (settings.ROOT / "settings" / "__init__.py").read_text(encoding="utf-8")
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and "_read(" in ast.unparse(node.value):
            calls = [each for each in ast.walk(node.value) if isinstance(each, ast.Call)]
            (call,) = [each for each in calls if ast.unparse(each.func) == "_read"]
            (target,) = node.targets
            assert ast.unparse(target) == ast.literal_eval(call.args[0])


def test_nothing_is_wrong_with_the_defaults() -> None:
    assert problems_of() == []
    assert find_problems(Use.SERVER) == []
