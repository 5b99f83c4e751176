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

from devkit.instance import Instance
from devkit.parts import PARTS
from hetri.testing import wait_for


class Answers(BaseHTTPRequestHandler):
    """A web instance that says 200 to every POST."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
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


def test_a_post_passes_over_an_instance_whose_host_is_gone(instance: Instance) -> None:
    config = instance.var / "nginx" / "web.conf"
    trust = ssl.create_default_context(cafile=instance.env["HETRI_TLS_CA"])
    with silent() as gone, answering(instance.run / "web2.sock"):
        config.write_text(config.read_text().replace(f"unix:{instance.run / 'web.sock'}", gone))
        nginx = subprocess.Popen(PARTS["nginx"].command(instance.var, instance.run, instance.env))
        try:
            wait_for((instance.var / "nginx" / "nginx.pid").exists)
            with httpx.Client(base_url=instance.env["HETRI_URL"], verify=trust, timeout=15) as caller:
                assert {caller.post("/auth/login", content=b"{}").status_code for _ in range(2)} == {200}
        finally:
            nginx.terminate()
            nginx.wait()
