"""deploy/nginx.conf and deploy/Caddyfile, as they are but for addresses and certificates, before a real service."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from service.settings import Settings
from tests.deploy.conftest import wait_for
from tests.serving import serve_workers

NGINX, CADDYFILE = Path("deploy/nginx.conf").read_text(), Path("deploy/Caddyfile").read_text()
DIGIT = Path("imgs/0-7.png").read_bytes()
LARGEST = Settings().max_body_bytes
# What nginx wants around a file of conf.d, all of it in one folder.
NGINX_MAIN = """
daemon off;
master_process off;
pid nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {site}
}}
"""


class Proxy(NamedTuple):
    """A proxy that runs."""

    name: str
    client: httpx.Client
    upstream: int  # port of the service


def replace(text: str, *pairs: tuple[str, str]) -> str:
    """The text with each first of a pair, which must be in it, as the second."""
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def nginx(folder: Path, port: int, upstream: str) -> tuple[list[str], dict[str, str], Path]:
    """Command, environment and certificate."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    openssl = ["openssl", "req", "-x509", *curve, *name, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(openssl, check=True, capture_output=True)
    site = replace(
        NGINX,
        ("127.0.0.1:8000", upstream),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("/etc/ssl/example.org/fullchain.pem", str(certificate)),
        ("/etc/ssl/example.org/privkey.pem", str(key)),
    )
    (folder / "nginx.conf").write_text(NGINX_MAIN.format(site=site))
    return ["nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"], {}, certificate


def caddy(folder: Path, port: int, upstream: str) -> tuple[list[str], dict[str, str], Path]:
    """Command, environment and certificate."""
    site = replace(
        CADDYFILE,
        ("127.0.0.1:8000", upstream),
        # Nothing on the ports 80 and 2019.
        ("skip_install_trust", "skip_install_trust\nauto_https disable_redirects\nadmin off"),
    )
    (folder / "Caddyfile").write_text(site)
    environment = {"SITE": f"https://localhost:{port}", "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    root = folder / "caddy/pki/authorities/local/root.crt"
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"], environment, root


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serve_workers({}) as server:
        yield server.url.removeprefix("http://")


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Each of them, behind a certificate that it has made itself."""
    configure: Callable[[Path, int, str], tuple[list[str], dict[str, str], Path]] = request.param
    name = configure.__name__
    if shutil.which(name) is None:
        pytest.skip(f"{name} is missing; on Debian and Ubuntu it is in the package {name}")
    folder, log = tmp_path_factory.mktemp(name), tmp_path_factory.mktemp("log") / name
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command, environment, certificate = configure(folder, port, upstream)
    path = {"PATH": "/usr/bin:/usr/sbin:/usr/local/bin", "HOME": str(folder)}
    with log.open("wb") as output, subprocess.Popen(command, env={**path, **environment}, stderr=output) as process:
        try:
            wait_for(lambda: process.poll() is not None or greets(port, certificate))
            assert process.poll() is None, log.read_text()
            context = ssl.create_default_context(cafile=certificate)
            with httpx.Client(base_url=f"https://localhost:{port}", verify=context, timeout=60) as client:
                yield Proxy(name, client, int(upstream.rpartition(":")[2]))
        finally:
            process.terminate()
            process.wait(30)


def greets(port: int, certificate: Path) -> bool:
    """Whether it has its certificate; Caddy listens a moment before."""
    try:
        context = ssl.create_default_context(cafile=certificate)
        with (
            socket.create_connection(("127.0.0.1", port)) as trial,
            context.wrap_socket(trial, server_hostname="localhost"),
        ):
            return True
    except OSError:  # nobody listens, there is no certificate yet, or none for this name
        return False


def connections(port: int) -> set[str]:
    """Who is connected to the port of this machine, or was until a minute ago."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {local for _, local, remote, *_ in lines if remote.endswith(f":{port:04X}")}


def test_a_picture_gets_its_class(proxy: Proxy) -> None:
    answer = proxy.client.post("/mnist/classify", files={"file": ("0-7.png", DIGIT)})
    assert (answer.status_code, answer.json()) == (200, {"cls": 7, "fn": "0-7.png"})


def test_the_connection_to_the_service_is_kept(proxy: Proxy) -> None:
    before = connections(proxy.upstream)
    for _ in range(10):
        assert proxy.client.post("/mnist/classify", files={"file": DIGIT}).status_code == 200
    assert len(connections(proxy.upstream) - before) <= 1


def test_a_body_may_be_as_large_as_the_service_takes(proxy: Proxy) -> None:
    answer = proxy.client.post("/mnist/classify", content=bytes(LARGEST), headers={"content-type": "image/png"})
    assert answer.status_code == 404
    assert "body" not in answer.json()["error"]


def test_a_larger_body_is_refused_in_a_sentence(proxy: Proxy) -> None:
    answer = proxy.client.post("/mnist/classify", content=bytes(LARGEST + 1), headers={"content-type": "image/png"})
    status, sentence = {
        "nginx": (413, f"the body is larger than {LARGEST} bytes"),
        "caddy": (404, f"the body is {LARGEST + 1} bytes or more; at most {LARGEST} are allowed"),
    }[proxy.name]
    assert (answer.status_code, answer.json()) == (status, {"error": sentence})


def test_the_page_and_what_it_loads_come(proxy: Proxy) -> None:
    page = proxy.client.get("/", follow_redirects=True)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    links = re.findall(r'(?:src|href)="([^"#?]+\.(?:js|css))', page.text)
    assert links
    for link in links:
        assert proxy.client.get(page.url.join(link)).status_code == 200, link


def test_refusals_come_as_the_service_has_written_them(proxy: Proxy) -> None:
    invalid = proxy.client.post("/mnist/classify", files={"file": ("LICENSE", b"text")})
    assert invalid.status_code == 404
    assert set(invalid.json()) == {"error"}
    late = proxy.client.post("/mnist/classify", files={"file": DIGIT}, headers={"x-request-timeout": "0"})
    assert late.status_code == 503
    assert set(late.json()) == {"error"}
    assert int(late.headers["retry-after"]) > 0


def test_the_limits_fit_the_settings() -> None:
    assert f"client_max_body_size {LARGEST};" in NGINX
    assert Settings().deadline_s < 65
    assert "proxy_read_timeout 65s;" in NGINX
    assert "response_header_timeout 65s" in CADDYFILE
