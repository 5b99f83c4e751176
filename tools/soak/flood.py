"""One collar, or two, let loose whatever they have. Another one's treats and receipts must come as if nothing were."""

import json
import os
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import SERVICES
from ops.paths import ROOT
from tools.soak.people import make_accounts
from tools.testing import Json
from tools.testing_flood import Flood, Say, garbage, large, presence, results, samples

SECONDS = 10  # that each flood is watched, from its first message on
SOON_S = 1.0
FLOODS: Mapping[str, tuple[tuple[str, Say] | tuple[str, Say, int], ...]] = {
    "none": (),
    "presence": (("status", presence),),
    "results": (("status", results),),
    "bad_status": (("status", garbage),),
    "small_telemetry": (("telemetry", samples(1)),),
    "full_telemetry": (("telemetry", samples(100)),),
    "bad_telemetry": (("telemetry", garbage),),
    "large_telemetry": (("telemetry", large),),
    "a_year": (("telemetry", samples(100, apart_ms=600_000), 600),),
    "too_old": (("telemetry", samples(100, apart_ms=86_400_000)),),
    "two": (("status", results), ("telemetry", samples(100))),
}


class GoodCollar:
    """Answers treats at once, sends a sample every 0.1 s, and notes in `acks_s` how long each receipt took."""

    def __init__(self, credentials: Mapping[str, Any], ca: Path) -> None:
        self.acks_s: list[float] = []
        self._sent: dict[int, float] = {}
        self._topic = f"devices/{credentials['username']}"
        self._over = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, credentials["client_id"], protocol=mqtt.MQTTv5)
        self._client.username_pw_set(credentials["username"], credentials["password"])
        self._client.tls_set_context(ssl.create_default_context(cafile=str(ca)))
        self._client.on_message = self._on_message
        self._client.connect(credentials["host"], credentials["port"])
        self._client.loop_start()
        self._client.subscribe(f"{self._topic}/cmd/#", 1)
        self._say("status", {"v": 1, "online": True}, retain=True)
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def stop(self) -> None:
        """Send no more and leave."""
        self._over.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def waiting_s(self) -> float:
        """How long the oldest batch without a receipt waits."""
        return max((time.monotonic() - at for at in list(self._sent.values())), default=0.0)

    def _say(self, kind: str, body: Json, retain: bool = False) -> None:
        self._client.publish(f"{self._topic}/{kind}", json.dumps(body), qos=1, retain=retain)

    def _send(self) -> None:
        batch = 0
        while not self._over.wait(0.1):
            batch += 1
            self._sent[batch] = time.monotonic()
            taken = {"seq": batch, "ts": time.time_ns() // 1_000_000, "battery_level": 50}
            sample = {**taken, "accel_x": 0, "accel_y": 0, "accel_z": 1}
            self._say("telemetry", {"v": 1, "boot": "9f3a61c2", "batch": batch, "ack": True, "samples": [sample]})

    def _on_message(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        name, body = message.topic.rpartition("/")[2], json.loads(message.payload)
        if name == "ack":
            self.acks_s.append(time.monotonic() - self._sent.pop(body["batch"]))
        elif name == "treat":
            for result in ("accepted", "dispensed"):
                self._say("status", {"v": 1, "command": {"id": body["id"], "result": result}})


def run() -> Mapping[str, object]:
    """Per kind: the slowest treat and receipt (s), messages sent, seconds until it was cut. Raises Refusal."""
    with Instance(ROOT / "var" / "test" / f"flood-{os.getpid()}", test=True) as instance:
        instance.start((*SERVICES, "nginx", "web", "ingest", "worker", "beat"), steps=True, seconds=120)
        ca = instance.var / "tls" / "ca.pem"
        with _signed_in(instance, ca) as owner:
            facts = {name: _endure(owner, ca, name) for name in FLOODS}
    tame = [name for name, fact in facts.items() if name not in ("none", "a_year") and not fact["cut"]]
    if tame:
        raise Refusal(f"Not cut: {tame}; all: {facts}")
    slow = {name: fact for name, fact in facts.items() if max(fact["treat_s"], fact["ack_s"]) > SOON_S}
    if slow:
        raise Refusal(f"Slower than {SOON_S} s: {slow}; all: {facts}")
    return facts


@contextmanager
def _signed_in(instance: Instance, ca: Path) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=str(ca))
    with httpx.Client(base_url=instance.env["HETRI_URL"], verify=context, timeout=60) as owner:
        access = owner.post("/auth/login", json=make_accounts(instance, 1)[0]).raise_for_status().json()["access"]
        owner.headers["Authorization"] = f"Bearer {access}"
        yield owner


def _new_device(owner: httpx.Client) -> Json:
    device: Json = owner.post("/devices", json={"name": "Soak"}).raise_for_status().json()
    return device


def _endure(owner: httpx.Client, ca: Path, name: str) -> Json:
    device, hogs = _new_device(owner), [_new_device(owner) for _ in FLOODS[name]]
    collar = GoodCollar(device["mqtt"], ca)
    try:
        _until_online(owner, device["id"])
        collar.acks_s.clear()
        with ExitStack() as opened:
            floods = [
                opened.enter_context(Flood(hog["mqtt"], ca, *what))
                for hog, what in zip(hogs, FLOODS[name], strict=True)
            ]
            treats_s = _treats(owner, device["id"])
        acks = [*collar.acks_s, collar.waiting_s]
    finally:
        collar.stop()
        for made in (device, *hogs):
            owner.delete(f"/devices/{made['id']}")
    sent = {"sent": [flood.sent for flood in floods], "cut_after_s": [round(flood.seconds, 2) for flood in floods]}
    cut = {"cut": all(flood.cut for flood in floods)}
    return {"treats": len(treats_s), "treat_s": round(max(treats_s), 3), "ack_s": round(max(acks), 3), **sent, **cut}


def _until_online(owner: httpx.Client, device: str) -> None:
    deadline = time.monotonic() + 30
    while owner.get(f"/devices/{device}/status").json()["status"] != "online":
        if time.monotonic() > deadline:
            raise Refusal("The good collar is not online.")
        time.sleep(0.1)


def _treats(owner: httpx.Client, device: str) -> list[float]:
    took, until = [], time.monotonic() + SECONDS
    while time.monotonic() < until:
        begun = time.monotonic()
        answer = owner.post(f"/devices/{device}/treat", json={}, headers={"Prefer": "wait=20"})
        if (answer.status_code, answer.json().get("result")) != (200, "dispensed"):
            raise Refusal(f"A treat was answered {answer.status_code} {answer.text[:200]}")
        took.append(time.monotonic() - begun)
    return took
