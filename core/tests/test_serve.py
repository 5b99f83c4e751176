"""How the web process ends."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import unix_connect

from tools.testing import wait_for

Server = tuple[subprocess.Popen[bytes], Path]


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex(str(path)) == 0


@pytest.fixture
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The process and its socket, where one that was killed has left its own."""
    path = tmp_path_factory.mktemp("s") / "web.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    command = [sys.executable, "-m", "hetri.web_server", "-u", str(path), "--verbosity", "0"]
    with subprocess.Popen([*command, "core.tests.slow_app:application"]) as process:
        wait_for(lambda: answers(path), 20)
        yield process, path
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_it_answers_what_is_in_flight_and_sends_sockets_elsewhere(serving: Server, number: signal.Signals) -> None:
    process, path = serving
    with (
        unix_connect(str(path), "ws://localhost/") as page,
        httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=10) as client,
        client.stream("GET", "http://localhost/") as answer,
    ):
        process.send_signal(number)
        with pytest.raises(ConnectionClosed) as closed:
            page.recv(5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert not answers(path)
        assert answer.read() == b"done"
    assert process.wait(5) == 0
