"""The committed deployments, taken apart and started: the units of systemd, and the services of compose.yaml."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.support.forks import library_variables
from tests.support.ports import free_port, free_ports
from tests.support.processes import ROOT, Processes, answers, wait_until
from tests.support.proxies import haproxy_command
from tests.support.waiting import TIMEOUT_SECONDS

FOLDER = ROOT / "docs" / "deployment"
OUR_SERVICES = ("migrate", "server-1", "server-2", "worker")
"""The services of compose.yaml that run our image."""
PROGRAMS = str(Path(sys.executable).parent)
SECRET_KEY = "5ebe2294ecd0e0f08eab7690d2a6ee69" * 2


@dataclass(frozen=True)
class Command:
    """What one process is started with."""

    arguments: list[str]
    environment: dict[str, str]


@dataclass
class Site:
    """Where the test's own services are, and the free ports for the deployment's."""

    database_url: str
    commerce_url: str
    redis_port: int = field(default_factory=free_port)
    proxy_port: int = field(default_factory=free_port)
    server_ports: tuple[int, int] = field(
        default_factory=lambda: (free_port(), free_port())
    )
    worker_port: int = field(default_factory=free_ports)

    @property
    def proxy_url(self) -> str:
        """The address that clients know."""
        return f"http://127.0.0.1:{self.proxy_port}"

    def environment(self, folder: Path) -> dict[str, str]:
        """Returns the settings whose values only whoever deploys can know."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "COMMERCE_URL": self.commerce_url,
            "SECRET_KEY": SECRET_KEY,
            "PUBLIC_URL": self.proxy_url,
            "EXPORT_URL": str(folder / "exports"),
            "DRAIN_SECONDS": "1.5",  # three checks of the proxy
        }

    def proxy_environment(self) -> dict[str, str]:
        """Returns the addresses that haproxy.cfg reads from the environment."""
        one, two = self.server_ports
        return {
            "BASKET_PROXY": f"127.0.0.1:{self.proxy_port}",
            "BASKET_SERVER_1": f"127.0.0.1:{one}",
            "BASKET_SERVER_2": f"127.0.0.1:{two}",
        }


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """Reads the assignments of a unit or of an environment file, in their order."""
    for line in path.read_text().splitlines():
        if not line.startswith(("#", "[")) and "=" in line:
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def unit_command(name: str, instance: str = "") -> Command:
    """Returns what systemd would start for a unit, and with which environment."""
    environment = dict(lines_of(FOLDER / "basket.env"))
    arguments: list[str] = []
    for key, value in lines_of(FOLDER / name):
        text = value.replace("%i", instance)
        if key == "Environment":
            assigned, _, content = text.partition("=")
            environment[assigned] = content
        elif key == "ExecStart":
            arguments = shlex.split(text)
    return Command(arguments, environment)


def compose() -> dict[str, Any]:
    """Reads compose.yaml."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return content


def dockerfile() -> list[str]:
    """Reads the instructions of the Dockerfile's last stage, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    last = max(place for place, line in enumerate(lines) if line.startswith("FROM"))
    return lines[last:]


def image_environment() -> dict[str, str]:
    """Returns the environment that the image gives its processes."""
    words = [
        word
        for line in dockerfile()
        if line.startswith("ENV ")
        for word in shlex.split(line[4:])
    ]
    return dict(word.split("=", 1) for word in words)


def image_command(instruction: str) -> list[str]:
    """Returns the command of CMD or HEALTHCHECK, which the Dockerfile writes as JSON."""
    (line,) = [line for line in dockerfile() if line.startswith(instruction)]
    command: list[str] = json.loads(line[line.index("[") :])
    return command


def filled_in(value: str, given: Mapping[str, str]) -> str:
    """Puts the values of variables into a text as Compose does; raises KeyError where one is required and not given."""

    def value_of(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        return (
            given[name]
            if default is None or default.startswith(":?")
            else given.get(name, default[2:])
        )

    return re.sub(r"\$\{(\w+)(:[-?][^}]*)?\}", value_of, value)


def service_command(name: str, given: Mapping[str, str]) -> Command:
    """Returns what Compose would start for one of our services, and with which environment."""
    service = compose()["services"][name]
    own = {key: filled_in(value, given) for key, value in service["environment"].items()}
    return Command(
        service.get("command") or image_command("CMD"), image_environment() | own
    )


def copied_to(folder: Path) -> Path:
    """Copies what the Dockerfile copies from here, with what Python has compiled of it."""
    for line in dockerfile():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, target = line.split()[1:]
            for origin in [
                path for source in sources for path in sorted(ROOT.glob(source))
            ]:
                if origin.is_dir():
                    shutil.copytree(origin, folder / target)
                else:
                    shutil.copy2(origin, folder / target)
    return folder


class Deployment:
    """Starts the processes of one set-up: exactly its commands, on the ports and services of a test."""

    def __init__(self, processes: Processes, site: Site) -> None:
        self.processes = processes
        self.site = site
        # Neither systemd nor Compose hands on the environment of whoever calls them.
        processes.environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self.servers: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self.redis: subprocess.Popen[bytes]
        self.more: dict[str, str] = {}

    def migrate_command(self) -> Command:
        """The command that brings the tables up to date."""
        raise NotImplementedError

    def server_command(self, place: int) -> Command:
        """The command of the first or second server."""
        raise NotImplementedError

    def worker_command(self) -> Command:
        """The command of the worker."""
        raise NotImplementedError

    def proxy_command(self) -> Command:
        """The command of the proxy."""
        return Command(
            haproxy_command(self.processes.folder), self.site.proxy_environment()
        )

    def start(self, command: Command) -> subprocess.Popen[bytes]:
        """Starts a process."""
        return self.processes.start(*command.arguments, **command.environment)

    def start_server(self, place: int) -> subprocess.Popen[bytes]:
        """Starts one of the servers."""
        return self.start(self.server_command(place))

    def wait_for_server(self, place: int) -> None:
        """Waits until one of the servers answers."""
        url = f"http://127.0.0.1:{self.site.server_ports[place]}/readyz"
        wait_until(lambda: answers(url), "The start of a server")

    def start_all(self) -> None:
        """Starts everything in the order that the set-up says, and waits until it answers through the proxy."""
        self.redis = self.processes.redis(self.site.redis_port)
        assert self.start(self.migrate_command()).wait(TIMEOUT_SECONDS) == 0
        self.servers = [self.start_server(place) for place in (0, 1)]
        self.workers = [self.start(self.worker_command())]
        for place in (0, 1):
            self.wait_for_server(place)
        self.start(self.proxy_command())
        wait_until(
            lambda: answers(f"{self.site.proxy_url}/readyz"), "The start of the proxy"
        )

    def run(self, *arguments: str) -> str:
        """Runs a command of `server.py` with the environment of a server, and returns what it prints."""
        command = self.server_command(0)
        status, output, errors = self.processes.run(
            *command.arguments[:-1], *arguments, **command.environment
        )
        assert status == 0, errors
        return output.strip()


class SystemdDeployment(Deployment):
    """The units in docs/deployment, with /opt/basket standing for this folder."""

    def __init__(self, processes: Processes, site: Site) -> None:
        super().__init__(processes, site)
        # The variables of Python itself stay as they are, so that its programs can be forked.
        processes.environment = {
            "PATH": os.environ["PATH"],
            **library_variables(os.environ),
        }

    def _adjusted(self, command: Command) -> Command:
        """Puts the test's own paths and services in the place of those that stand in the files."""
        env, python, *arguments = command.arguments
        assert (env, python) == ("/usr/bin/env", ".venv/bin/python")
        return Command(
            [sys.executable, *arguments],
            command.environment | self.site.environment(self.processes.folder) | self.more,
        )

    def migrate_command(self) -> Command:
        return self._adjusted(unit_command("basket-migrate.service"))

    def server_command(self, place: int) -> Command:
        return self._adjusted(
            unit_command("basket-server@.service", str(self.site.server_ports[place]))
        )

    def worker_command(self) -> Command:
        return self._adjusted(unit_command("basket-worker.service"))


class ComposeDeployment(Deployment):
    """The services of compose.yaml, in a folder with what the image holds, as its user, who may write nothing else."""

    def __init__(self, processes: Processes, site: Site) -> None:
        super().__init__(processes, site)
        processes.root = processes.folder / "image"
        processes.root.mkdir()
        copied_to(processes.root)
        if os.geteuid() == 0:
            volume = processes.folder / "exports"
            volume.mkdir()
            os.chown(volume, 10001, -1)

    def _adjusted(self, name: str, **more: str) -> Command:
        given = {
            name: "given"
            for name in ("DATABASE_PASSWORD", "COMMERCE_URL", "SECRET_KEY", "PUBLIC_URL")
        }
        command = service_command(name, given)
        program = shutil.which(command.arguments[0], path=PROGRAMS)
        assert program is not None, f"{command.arguments[0]} is not in the image."
        arguments = [*self._as_user(), program, *command.arguments[1:]]
        ours = self.site.environment(self.processes.folder) | {"HOST": "127.0.0.1", **more}
        if urlsplit(self.site.database_url).password:
            # One password is rejected beside another.
            ours["DATABASE_PASSWORD"] = ""
        return Command(arguments, command.environment | ours | {"PATH": os.environ["PATH"]})

    def _as_user(self) -> list[str]:
        """Takes every right of root but that of reading, because this folder may lie where others cannot read."""
        setpriv = shutil.which("setpriv")
        if os.geteuid() != 0 or setpriv is None:
            return []
        reading = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"]
        return [setpriv, "--reuid=10001", "--clear-groups", "--no-new-privs", *reading]

    def migrate_command(self) -> Command:
        return self._adjusted("migrate")

    def server_command(self, place: int) -> Command:
        return self._adjusted(
            f"server-{place + 1}", PORT=str(self.site.server_ports[place])
        )

    def worker_command(self) -> Command:
        return self._adjusted("worker", WORKER_PORT=str(self.site.worker_port))
