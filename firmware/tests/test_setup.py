"""Set-up of Wi-Fi without a computer: the collar's own page, asked over real sockets."""

import http.client
import socket
import time
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from firmware.tests.broker import Server, free_port, wait_until
from firmware.tests.collar import Collar

AIR = {"Home": ["garden-gate", -48], "Café <b>": ["12345678", -70]}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Page:
    """The page at a port."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str = "GET", path: str = "/", **fields: str) -> tuple[int, str]:
        """(status, body) of one request."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        link.request(method, path, urlencode(fields) or None, FORM if fields else {})
        answer = link.getresponse()
        return answer.status, answer.read().decode()

    def send(self, raw: bytes) -> bytes:
        """What comes back for raw bytes."""
        with socket.create_connection(("127.0.0.1", self.port), 15) as link:
            link.sendall(raw)
            found = b""
            while more := link.recv(4096):
                found += more
            return found

    @property
    def is_open(self) -> bool:
        """Does somebody listen?"""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def page(server: Server, make_collar: Callable[..., Collar], collar: Collar) -> Page:
    """The page of a collar that knows no network."""
    page = Page(free_port())
    collar.options(air=AIR, known=[], setup_port=page.port)
    collar.start()
    wait_until(lambda: page.is_open, "the page")
    return page


def test_an_owner_names_a_network_and_the_collar_comes_online(page: Page, collar: Collar) -> None:
    status, text = page.ask()
    assert status == 200
    assert "Café &lt;b&gt; (-70 dBm)" in text
    assert page.ask("POST", name="Home", key="garden-gate")[0] == 200
    collar.wait_online()
    assert not page.is_open
    assert "garden-gate" not in collar.console()


def test_a_wrong_password_brings_the_page_back_with_a_word(page: Page, collar: Collar) -> None:
    page.ask("POST", name="Home", key="wrong-password")
    wait_until(lambda: collar.console().count("setup_opens") == 2 and page.is_open, "the page again")
    assert "The password of Home was refused." in page.ask()[1]
    page.ask("POST", name="Home", key="garden-gate")
    collar.wait_online()


def test_what_is_no_form_is_refused_and_the_page_goes_on(page: Page) -> None:
    asked = {
        b"\x16\x03\x01\r\n\r\n": b" 400 ",
        b"GET /\r\n\r\n": b" 400 ",
        b"DELETE / HTTP/1.1\r\n\r\n": b" 405 ",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 6_000 + b"\r\n\r\n": b" 431 ",
        b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n": b" 413 ",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n": b" 413 ",
        b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\nname=%zz": b" 400 ",
        b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\nname=%ff": b" 400 ",
        b"GET /generate_204 HTTP/1.1\r\n\r\n": b" 302 ",
    }
    for raw, status in asked.items():
        assert status in page.send(raw).split(b"\r\n")[0] + b" ", raw[:40]
    assert page.ask()[0] == 200


def test_slow_and_many_clients_keep_nobody_out_for_long(page: Page) -> None:
    slow = [socket.create_connection(("127.0.0.1", page.port), 15) for _ in range(6)]
    for link in slow:
        link.sendall(b"GET / HT")
    began = time.monotonic()
    assert wait_until(lambda: page.ask()[0] == 200, "a turn", 20)
    assert time.monotonic() - began < 15
    for link in slow:
        link.close()
