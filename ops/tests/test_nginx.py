"""nginx before web instances that fail, each in its own way."""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import httpx
import pytest

from ops.instance import Instance
from ops.parts import PARTS
from tools.testing import wait_for


class Answers(BaseHTTPRequestHandler):
    """A web instance that says 200, but to what it drops."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        if self.path == "/drop":
            self.close_connection = True  # without a word
            return
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def address_string(self) -> str:
        return "nginx"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    with Instance(tmp_path / "var", test=True, webs=2) as found:
        yield found


@contextlib.contextmanager
def answering(path: Path) -> Iterator[None]:
    with ThreadingUnixStreamServer(str(path), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield
        finally:
            server.shutdown()


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """An address that answers no SYN, as of a host that is gone: its queue of connections is full."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def asking(instance: Instance) -> Iterator[httpx.Client]:
    """A caller of a running nginx."""
    trust = ssl.create_default_context(cafile=instance.env["HETRI_TLS_CA"])
    nginx = subprocess.Popen(PARTS["nginx"].command(instance.var, instance.run, instance.env))
    try:
        wait_for((instance.var / "nginx" / "nginx.pid").exists)
        with httpx.Client(base_url=instance.env["HETRI_URL"], verify=trust, timeout=15) as caller:
            yield caller
    finally:
        nginx.terminate()
        nginx.wait()


def test_a_post_passes_over_an_instance_whose_host_is_gone(instance: Instance) -> None:
    config = instance.var / "nginx" / "web.conf"
    with silent() as gone, answering(instance.run / "web2.sock"):
        config.write_text(config.read_text().replace(f"unix:{instance.run / 'web.sock'}", gone))
        with asking(instance) as caller:
            assert {caller.post("/auth/login", content=b"{}").status_code for _ in range(2)} == {200}


def test_a_request_that_every_instance_drops_takes_them_from_nobody_else(instance: Instance) -> None:
    with answering(instance.run / "web.sock"), answering(instance.run / "web2.sock"), asking(instance) as caller:
        for _ in range(3):
            assert caller.get("/drop").status_code == 503
            assert {caller.get("/").status_code for _ in range(4)} == {200}


def test_a_hung_instance_costs_a_read_one_wait_and_not_its_answer(instance: Instance) -> None:
    """It takes the connection and says nothing; the wait is made short here."""
    config = instance.var / "nginx" / "web.conf"
    assert "proxy_read_timeout 30s;" in config.read_text()
    config.write_text(config.read_text().replace("proxy_read_timeout 30s;", "proxy_read_timeout 1s;"))
    with socket.socket(socket.AF_UNIX) as hung, answering(instance.run / "web2.sock"):
        hung.bind(str(instance.run / "web.sock"))
        hung.listen()
        with asking(instance) as caller:
            assert {caller.get("/").status_code for _ in range(4)} == {200}
