"""Certbot against Pebble, an authority for tests, on this machine: issue, renew, and nobody is cut.

Starts the whole stack with its own certificate, opens sessions of all three kinds, has Certbot replace it over plain
HTTP as on a server, renews it, and looks at each port's certificate, and at the sessions. Then scans the ports' TLS.
"""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
from cryptography.x509 import load_der_x509_certificate
from paho.mqtt.enums import CallbackAPIVersion
from websockets.sync.client import ClientConnection, connect

from ops import ports, tls
from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import ALL
from ops.paths import ROOT
from ops.render import render_file
from tools.soak import scan, tools
from tools.testing import Json

PORTS = {"https": "HETRI_HTTPS_PORT", "mqtts": "HETRI_MQTTS_PORT", "rtmps": "HETRI_RTMPS_PORT"}
SEEN_S = 10.0  # within it each port shows a certificate that was put in place
HELPER = ROOT / "deploy" / "certbot" / "certificate.py"


def run() -> Mapping[str, object]:
    """Seconds, serials and suites. Raises Refusal with what was wrong."""
    tools.debian("certbot", "pebble")
    folder = ROOT / "var" / "test" / f"certificates-{os.getpid()}"
    with Instance(folder, test=True) as instance, Authority(instance) as authority:
        instance.env["HETRI_TLS_CA"] = str(authority.roots)
        instance.start(ALL, steps=True, seconds=120)
        with contextlib.closing(Sessions(instance, authority.roots)) as sessions:
            issued_s = _replace(instance, authority, sessions)
            renewed_s = _replace(instance, authority, sessions, "--force-renewal")
            facts = {"issued_s": issued_s, "renewed_s": renewed_s, **sessions.facts()}
        facts["collar_back_s"] = _collar_comes_back(instance)
        return {**facts, "suites": scan.tls({name: int(instance.env[port]) for name, port in PORTS.items()})}


class Authority:
    """Pebble, and Certbot's folder. `roots` holds our own CA and Pebble's: what collars pin."""

    def __init__(self, instance: Instance) -> None:
        self.folder = instance.var / "acme"
        self.folder.mkdir(mode=0o700)
        self.roots = self.folder / "roots.pem"
        self._own = instance.var / "tls" / "ca.pem"
        self._port, self._management = ports.reserve(), ports.reserve()
        tls.ensure(self.folder / "pebble")
        served = str(self.folder / "pebble" / "server.pem")
        facts = {"listenAddress": f"127.0.0.1:{self._port}", "managementListenAddress": f"127.0.0.1:{self._management}"}
        facts |= {"certificate": served, "privateKey": served, "ocspResponderURL": ""}
        doors = {"httpPort": int(instance.env["HETRI_HTTP_PORT"]), "tlsPort": int(instance.env["HETRI_HTTPS_PORT"])}
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": {**facts, **doors}}))
        names = {"acme": str(self.folder), "webroot": str(instance.var / "webroot"), "email": "owner@example.com"}
        names |= {"names": "localhost", "directory": f"https://localhost:{self._port}/dir"}
        render_file(ROOT / "deploy" / "certbot" / "cli.ini", self.folder / "cli.ini", names)
        self.env = {**instance.env, "REQUESTS_CA_BUNDLE": str(self.folder / "pebble" / "ca.pem")}

    def __enter__(self) -> "Authority":
        command = ["pebble", "-config", str(self.folder / "pebble.json"), "-strict"]
        env = {**self.env, "PEBBLE_VA_NOSLEEP": "1"}
        with open(self.folder / "pebble.log", "wb") as log:
            self._process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        root = f"https://localhost:{self._management}/roots/0"
        context = ssl.create_default_context(cafile=self.env["REQUESTS_CA_BUNDLE"])
        until("Pebble", lambda: ports.listens(self._management))
        public = httpx.get(root, verify=context).raise_for_status().text
        self.roots.write_text(self._own.read_text() + public)
        return self

    def __exit__(self, *failed: object) -> None:
        self._process.terminate()
        self._process.wait()


def until(what: str, check: Callable[[], object], seconds: float = 30.0) -> float:
    """Seconds until the condition holds. Raises Refusal when it does not in time."""
    begun = time.monotonic()
    while not check():
        if time.monotonic() - begun > seconds:
            raise Refusal(f"Not within {seconds:.0f} s: {what}.")
        time.sleep(0.05)
    return round(time.monotonic() - begun, 2)


def _serials(instance: Instance, authority: Authority) -> dict[str, int]:
    """The serial of the certificate that each port shows to a new client, which checks it."""
    context = ssl.create_default_context(cafile=str(authority.roots))
    found = {}
    for name, setting in PORTS.items():
        with (
            socket.create_connection(("localhost", int(instance.env[setting])), timeout=5) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as line,
        ):
            found[name] = load_der_x509_certificate(line.getpeercert(binary_form=True) or b"").serial_number
    return found


def _replace(instance: Instance, authority: Authority, sessions: "Sessions", *options: str) -> dict[str, float]:
    """Have Certbot make a certificate; seconds for that, and until every port shows it. The sessions go on."""
    before = _serials(instance, authority)
    begun = time.monotonic()
    command = [sys.executable, str(HELPER), "--acme", authority.folder, "--into", instance.var / "tls" / "server.pem"]
    tools.ask([*command, "--once", "--", *options], **authority.env)
    made_s = round(time.monotonic() - begun, 1)

    def changed() -> bool:
        now = _serials(instance, authority)
        return len({*now.values()}) == 1 and not {*now.values()} & {*before.values()}

    shown_s = until("the new certificate on every port", changed, SEEN_S)
    sessions.check()
    return {"made": made_s, "shown_everywhere_after": shown_s}


class Sessions:
    """A collar's MQTT session, an owner's WebSocket, and the demo collar's camera over RTMPS, open throughout."""

    def __init__(self, instance: Instance, roots: Path) -> None:
        self._var = instance.var
        demo = json.loads((instance.var / "demo.json").read_text())
        context = ssl.create_default_context(cafile=str(roots))
        self._device, self._cut = demo["device"], 0
        self._api = httpx.Client(base_url=demo["url"], verify=context, timeout=20)
        bearer = self._api.post("/auth/login", json=demo["owner"]).json()["access"]
        self._api.headers["Authorization"] = f"Bearer {bearer}"
        socket_url = demo["url"].replace("https", "wss") + "/ws/devices"
        self._socket: ClientConnection = connect(socket_url, ssl=context, subprotocols=["bearer", bearer])  # type: ignore[list-item]
        self._mqtt = self._signed_in(context, self._api.post("/devices", json={"name": "Witness"}).json()["mqtt"])
        self._stop = threading.Event()
        self._viewer = threading.Thread(target=self._view)
        self._viewer.start()
        until("a picture", self._runs)
        self._run = self._runs()
        self._lines = (self._var / "log" / "collar.log").read_text().count(" connected ")
        self._checked = 0

    def _signed_in(self, context: ssl.SSLContext, login: Json) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, login["client_id"], protocol=mqtt.MQTTv5)
        client.username_pw_set(login["username"], login["password"])
        client.tls_set_context(context)
        client.on_disconnect = self._on_cut
        client.connect(login["host"], login["port"])
        client.loop_start()
        self._topic = f"devices/{login['username']}/status"
        return client

    def _on_cut(self, *about: object) -> None:
        self._cut += 1

    def _view(self) -> None:
        """Watch the camera as a player does, so that it stays on."""
        while not self._stop.wait(1):
            with contextlib.suppress(httpx.HTTPError):
                self._api.get(self._api.get(f"/devices/{self._device}/video_url").json()["url"])

    def _runs(self) -> list[str]:
        """The publishers whose pictures are shown: a new one has a new name."""
        return [os.readlink(link) for link in (self._var / "hls").glob("*/current")]

    def check(self) -> None:
        """All of them carry something, and are the same as at the start. Raises Refusal."""
        self._mqtt.publish(self._topic, b'{"v":1,"online":true}', 1).wait_for_publish(5)
        pong = self._socket.ping().wait(5)
        newest = max((self._var / "hls").glob("*/current/*.ts"), key=lambda path: path.stat().st_mtime)
        until("a new picture", lambda: time.time() - newest.stat().st_mtime < 5 or self._newer(newest), 5)
        treat = self._api.post(f"/devices/{self._device}/treat", json={}).json()
        wrong = {
            "mqtt": self._cut or not self._mqtt.is_connected(),
            "websocket": not pong,
            "rtmps": self._runs() != self._run,
            "collar": (self._var / "log" / "collar.log").read_text().count(" connected ") != self._lines,
            "treat": treat.get("result") != "dispensed" and treat,
        }
        if any(wrong.values()):
            raise Refusal(f"Not as before: { {name: what for name, what in wrong.items() if what} }.")
        self._checked += 1

    def _newer(self, before: Path) -> bool:
        return any(path.name > before.name for path in before.parent.glob("*.ts"))

    def facts(self) -> dict[str, object]:
        """What was open, and over how many replacements."""
        return {"replaced": self._checked, "never_cut": ["mqtt", "websocket", "rtmps", "the collar's own"]}

    def close(self) -> None:
        """End them."""
        self._stop.set()
        self._viewer.join()
        self._mqtt.loop_stop()
        self._socket.close()
        self._api.close()


def _collar_comes_back(instance: Instance) -> float:
    """The real collar starts anew, and trusts the authority that it pinned at its provisioning. Seconds."""
    instance.kill("collar")
    until("the collar is gone", lambda: not instance.healthy("collar"))
    return until("the collar is back", lambda: instance.healthy("collar"), 60)
