"""The proxies of docs/deployment, and nginx as it comes, started before two servers of a test."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from tests.support.processes import ROOT, Processes, answers, free_port, wait_until
from tests.support.programs import program
from tests.support.waiting import TIMEOUT_SECONDS

FOLDER = ROOT / "docs" / "deployment"
NGINX = """
user root;
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
DEFAULTS = """
upstream basket { server 127.0.0.1:8001; server 127.0.0.1:8002; }
server { listen 127.0.0.1:8000; location / { proxy_pass http://basket; } }
"""


def patient_example(name: str) -> str:
    """Returns the text of an example whose health checks wait as long as tests do.

    A server on a busy machine is late, and would be taken for dead.
    """
    checks, seconds = r"(timeout check|health_timeout) \d+s", f"{TIMEOUT_SECONDS:.0f}s"
    text, count = re.subn(checks, rf"\1 {seconds}", (FOLDER / name).read_text())
    assert count == 1
    return text


def haproxy_command(folder: Path, name: str = "haproxy.cfg", text: str = "") -> list[str]:
    """Returns the command of HAProxy with a text, or with the example; writes the file."""
    configuration = folder / name
    configuration.write_text(text or patient_example("haproxy.cfg"))
    return [program("haproxy"), "-W", "-db", "-f", str(configuration)]


@dataclass
class Proxies:
    """Starts proxies before two servers; each is known by its name here."""

    processes: Processes
    server_ports: tuple[int, int]
    ports: dict[str, int] = field(default_factory=dict)

    def url(self, name: str) -> str:
        """Returns the address of a proxy."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def start_all(self) -> None:
        """Starts every proxy, and waits until each of them answers."""
        for name, start in (
            ("haproxy", self._start_haproxy),
            ("caddy", self._start_caddy),
            ("nginx", self._start_nginx),
            ("nginx defaults", self._start_nginx_defaults),
        ):
            self.ports[name] = free_port()
            start(self.ports[name])
        for name in self.ports:
            url = f"{self.url(name)}/healthz"
            wait_until(lambda url=url: answers(url), f"The start of {name}")  # type: ignore[misc]

    def _servers(self) -> dict[str, str]:
        one, two = self.server_ports
        return {
            "BASKET_SERVER_1": f"127.0.0.1:{one}",
            "BASKET_SERVER_2": f"127.0.0.1:{two}",
        }

    def _start_haproxy(self, port: int) -> None:
        address = {"BASKET_PROXY": f"127.0.0.1:{port}"}
        command = haproxy_command(self.processes.folder)
        self.processes.start(*command, **self._servers(), **address)

    def _start_caddy(self, port: int) -> None:
        folder = str(self.processes.folder)
        own = {
            "BASKET_PORT": str(port),
            "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
            "XDG_DATA_HOME": folder,
            "XDG_CONFIG_HOME": folder,
        }
        example = self.processes.folder / "Caddyfile"
        example.write_text(patient_example("Caddyfile"))
        command = (program("caddy"), "run", "--config", str(example))
        self.processes.start(*command, "--adapter", "caddyfile", **self._servers(), **own)

    def _start_nginx(self, port: int) -> None:
        self._start_nginx_with("example", (FOLDER / "nginx.conf").read_text(), port)

    def _start_nginx_defaults(self, port: int) -> None:
        self._start_nginx_with("defaults", DEFAULTS, port)

    def _start_nginx_with(self, name: str, site: str, port: int) -> None:
        folder = self.processes.folder / f"nginx-{name}"
        folder.mkdir()
        for default, actual in zip(
            (8000, 8001, 8002), (port, *self.server_ports), strict=True
        ):
            assert f"127.0.0.1:{default}" in site
            site = site.replace(f"127.0.0.1:{default}", f"127.0.0.1:{actual}")
        (folder / "site.conf").write_text(site)
        _write_nginx(folder)
        self.processes.start(program("nginx"), "-c", str(folder / "nginx.conf"))

    def start_with_tls(self, name: str) -> str:
        """Starts HAProxy or nginx with the line for a certificate, and returns the address."""
        port, pem = free_port(), self.processes.folder / f"{name}.pem"
        certificate = trustme.CA().issue_cert("127.0.0.1")
        certificate.private_key_and_cert_chain_pem.write_to_path(str(pem))
        if name == "haproxy":
            self._start_haproxy_with_tls(port, pem)
        else:
            self._start_nginx_with_tls(port, pem)
        return f"https://127.0.0.1:{port}"

    def _start_haproxy_with_tls(self, port: int, pem: Path) -> None:
        text = patient_example("haproxy.cfg")
        comment, plain = re.findall(r".*\bbind .*\n", text)
        line = comment.partition("certificate: ")[2].replace(":443", f"127.0.0.1:{port}")
        line = line.replace("/etc/haproxy/basket.pem", str(pem))
        text = text.replace(plain, f"    {line}")
        command = haproxy_command(self.processes.folder, "haproxy-tls.cfg", text)
        self.processes.start(*command, **self._servers())

    def _start_nginx_with_tls(self, port: int, pem: Path) -> None:
        text = (FOLDER / "nginx.conf").read_text()
        comment, plain = re.findall(r".*\blisten .*\n", text)
        line = comment.partition("certificate: ")[2].replace("443", "127.0.0.1:8000")
        text = text.replace(plain, line.replace("…", str(pem)))
        self._start_nginx_with("tls", text, port)


def _write_nginx(folder: Path) -> None:
    text = NGINX.format(folder=folder)
    if os.geteuid() != 0:
        text = text.replace("user root;", "")
    (folder / "nginx.conf").write_text(text)
