"""The reload watcher: a server loads what changed, whenever that was, and nobody else gets a signal."""

import getpass
import os
import runpy
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from broker.credentials import hash_derived
from conftest import free_port
from ops.paths import ROOT
from tools.testing import wait_for


def test_the_watcher_signals_nobody_but_the_broker(tmp_path: Path) -> None:
    watcher = runpy.run_path(str(ROOT / "deploy" / "reload_watcher.py"))
    watch = watcher["Watch"]("mosquitto", tmp_path / "mosquitto.pid", [])
    for content in (str(os.getpid()), "no number", "4194305"):
        (tmp_path / "mosquitto.pid").write_text(content)
        assert watch.reload() is False
    assert watcher["stamp"](tmp_path / "none") is None


def test_a_change_while_the_broker_is_loading_is_loaded_too(tmp_path: Path) -> None:
    passwords, log, port = tmp_path / "passwd", tmp_path / "mosquitto.log", free_port()
    (tmp_path / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\npid_file {tmp_path}/mosquitto.pid\npassword_file {passwords}\n"
        f"user {getpass.getuser()}\nlog_dest file {log}\n"
    )
    verifier, crowd = hash_derived("secret"), hash_derived("another")
    others = "".join(f"collar-{number}:{crowd}\n" for number in range(150_000))  # so that loading takes a while
    _replace(passwords, others)
    watcher = runpy.run_path(str(ROOT / "deploy" / "reload_watcher.py"))
    watch = watcher["Watch"]("mosquitto", tmp_path / "mosquitto.pid", [passwords])
    broker = subprocess.Popen(["mosquitto", "-c", str(tmp_path / "mosquitto.conf")])
    try:
        wait_for(lambda: _lets_in(port, "collar-1", "another"), 20)
        wait_for(lambda: watch.look() or "Reloading config" in log.read_text())
        _replace(passwords, f"late:{verifier}\n{others}")
        wait_for(lambda: watch.look() or _lets_in(port, "late", "secret"), 10)
    finally:
        broker.kill()
        broker.wait()


def _replace(target: Path, text: str) -> None:
    target.with_suffix(".new").write_text(text)
    target.with_suffix(".new").replace(target)


def _lets_in(port: int, user: str, password: str) -> bool:
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, password)
    codes: list[bool] = []
    client.on_connect = lambda _client, _data, _flags, reason, _properties: codes.append(not reason.is_failure)
    with suppress(OSError):
        client.connect("127.0.0.1", port)
        deadline = time.monotonic() + 2
        while not codes and time.monotonic() < deadline:
            client.loop(0.05)
    client.disconnect()
    return codes == [True]
