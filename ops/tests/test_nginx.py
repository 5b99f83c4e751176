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

from ops.errors import Refusal
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


HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
GERMAN = {**HTML, "Accept-Language": "de-DE,de;q=0.9,en;q=0.5"}


@pytest.mark.parametrize(
    ("path", "size", "headers", "words"),
    [
        ("/pet/0192f2a0-7c1e-7b3a-9d52-3f6a8c0e1b47/picture", 13_700_000, HTML, "More than 12 MB"),
        ("/pet/0192f2a0-7c1e-7b3a-9d52-3f6a8c0e1b47/picture", 13_700_000, GERMAN, "Mehr als 12 MB"),
        ("/account/login", 70_000, GERMAN, "Mehr als 64 kB"),
        ("/nothing", 1_100_000, HTML, "More than 1 MB"),
    ],
)
def test_what_is_too_large_is_a_page_in_the_persons_language(
    instance: Instance, path: str, size: int, headers: dict[str, str], words: str
) -> None:
    with answering(instance.run / "web.sock"), answering(instance.run / "web2.sock"), asking(instance) as caller:
        answer = caller.post(path, content=b"x" * size, headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "text/html; charset=utf-8")
    assert words in answer.text
    assert answer.request.url.path == path


def test_who_can_read_a_page_gets_one_and_programs_get_json(instance: Instance) -> None:
    """No web instance runs: every answer is nginx' own."""
    with asking(instance) as caller:
        for path, accept, kind in (
            ("/nothing", "text/html", "text/html; charset=utf-8"),
            ("/nothing", "*/*", "application/json"),
            ("/nothing", "application/json", "application/json"),
            ("/collar/x/", "*/*", "text/html; charset=utf-8"),
            ("/devices", "text/html", "text/html; charset=utf-8"),
            ("/me?x=1", "*/*", "application/json"),
            ("/collar/x/", "application/json", "application/json"),
        ):
            answer = caller.get(path, headers={"Accept": accept})
            assert (answer.status_code, answer.headers["Content-Type"]) == (503, kind), (path, accept)
            assert answer.headers["Retry-After"] == "5"
        chosen = caller.get("/", headers={**HTML, "Cookie": "django_language=de"})
        assert 'lang="de"' in chosen.text
        assert "Hetri startet von selbst wieder" in chosen.text


class TellsWho(Answers):
    """Answers with whom nginx says that it asks for."""

    def do_GET(self) -> None:
        told = self.headers["X-Forwarded-For"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)


@pytest.mark.parametrize(
    ("trusted", "said", "believed"),
    [
        ("", "203.0.113.9", "127.0.0.1"),
        ("10.0.0.0/8", "203.0.113.9", "127.0.0.1"),
        ("10.0.0.0/8,127.0.0.0/8", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "2001:db8::9", "2001:db8::9"),
        ("127.0.0.1", "nonsense, unknown", "127.0.0.1"),
        ("127.0.0.1", None, "127.0.0.1"),
    ],
)
def test_only_a_proxy_of_ours_is_believed_for_whom_it_asks(
    tmp_path: Path, trusted: str, said: str | None, believed: str
) -> None:
    headers = {} if said is None else {"X-Forwarded-For": said}
    with (
        Instance(tmp_path / "var", test=True, said={"HETRI_TRUSTED_PROXIES": trusted}) as instance,
        ThreadingUnixStreamServer(str(instance.run / "web.sock"), TellsWho) as server,
    ):
        threading.Thread(target=server.serve_forever).start()
        with asking(instance) as caller:
            assert caller.get("/", headers=headers).text == believed
        server.shutdown()


def test_a_proxy_that_is_no_address_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="HETRI_TRUSTED_PROXIES"):
        Instance(tmp_path / "var", test=True, said={"HETRI_TRUSTED_PROXIES": "traefik"}).prepare()
