"""What one address can hold at the door, and that everybody else still comes in."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from ops.upstreams import CONNECTIONS_PER_ADDRESS
from tests.conftest import Stack
from tools.testing import wait_for

MOST = CONNECTIONS_PER_ADDRESS
HALF = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


def trust(stack: Stack, *protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(stack.instance.var / "tls" / "ca.pem"))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def come(stack: Stack, address: str) -> ssl.SSLSocket:
    """A TLS connection from that address of the loopback. Raises OSError where the door stays shut."""
    port = urlsplit(stack.demo["url"]).port
    line = socket.create_connection(("127.0.0.1", port), 20, (address, 0))
    try:
        return trust(stack).wrap_socket(line, server_hostname="localhost")
    except OSError:
        line.close()
        raise


def is_answered(stack: Stack, address: str) -> bool:
    port = urlsplit(stack.demo["url"]).port
    try:
        with come(stack, address) as line:
            line.sendall(f"GET /healthz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
            return line.recv(100).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


@pytest.fixture
def crowd(stack: Stack) -> Iterator[int]:
    """One address with as many half requests as it gets; how many that are."""
    with contextlib.ExitStack() as held:
        taken = 0
        for _ in range(MOST + 20):
            with contextlib.suppress(OSError):
                held.enter_context(come(stack, "127.0.0.66")).sendall(HALF)
                taken += 1
        yield taken


def test_half_requests_of_one_address_lock_nobody_else_out(stack: Stack, crowd: int) -> None:
    assert crowd <= MOST
    assert not is_answered(stack, "127.0.0.66")
    assert is_answered(stack, "127.0.0.67")
    assert is_answered(stack, "127.0.0.1")
    assert stack.instance.healthy("nginx")


def test_an_address_that_let_go_is_let_in_again(stack: Stack) -> None:
    assert wait_for(lambda: is_answered(stack, "127.0.0.66"), 20)


def test_a_health_check_gets_in_where_its_neighbours_do_not(stack: Stack) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(MOST + 20):
            with contextlib.suppress(OSError):
                held.enter_context(come(stack, "127.0.0.1")).sendall(HALF)
        assert not is_answered(stack, "127.0.0.1")
        assert stack.instance.healthy("nginx")
