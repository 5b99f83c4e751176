"""The broker's plugin under valgrind, through what collars and attackers do, reloads and the end: no error, no leak."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from firmware.tests.broker import wait_until
from ops.errors import Refusal
from ops.instance import Instance
from ops.paths import ROOT
from ops.ports import listens
from tools.soak import raw_mqtt as mqtt
from tools.soak import tools
from tools.soak.broker import PAYLOAD, Broker, collars_of

ROUNDS = 20
COLLARS = 10
OPTIONS = ("--leak-check=full", "--show-leak-kinds=definite", "--error-exitcode=99", "--exit-on-first-error=no")


def run() -> Mapping[str, object]:
    """What was done. Raises Refusal with valgrind's words when it finds an error or a leak."""
    tools.debian("valgrind")
    with Instance(ROOT / "var" / "test" / f"plugin-{os.getpid()}", test=True) as instance:
        broker = Broker(instance, collars_of(instance, COLLARS))
        with _under_valgrind(instance) as process:
            for number in range(ROUNDS):
                _live(broker, number % COLLARS)
                process.send_signal(signal.SIGHUP)
    return {"rounds": ROUNDS, "reloads": ROUNDS, "errors": 0}


@contextmanager
def _under_valgrind(instance: Instance) -> Iterator[subprocess.Popen[bytes]]:
    words = instance.var / "log" / "valgrind.log"
    command = ["valgrind", *OPTIONS, f"--log-file={words}", "mosquitto", "-c"]
    config = instance.var / "mosquitto" / "mosquitto.conf"
    with open(instance.var / "log" / "mosquitto.log", "ab") as log:
        process = subprocess.Popen([*command, str(config)], stdout=log, stderr=log)
    try:
        wait_until(lambda: listens(int(instance.env["HETRI_MQTTS_PORT"])), "mosquitto under valgrind", 60)
        yield process
    finally:
        process.terminate()
        process.wait(60)
    _judge(words)


def _judge(words: Path) -> None:
    """Raise Refusal for what valgrind found, but for what the broker loses as it reads its configuration."""
    text = re.sub(r"^==\d+== ?", "", words.read_text(), flags=re.M)
    if "ERROR SUMMARY" not in text:
        raise Refusal(f"It has not ended in order: {text[-2000:]}")
    records = text.split("\n\n")
    bad = [one for one in records if " at 0x" in one and not ("definitely lost" in one and "config__read" in one)]
    if bad:
        raise Refusal("\n\n".join(bad)[:4000])


def _live(broker: Broker, number: int) -> None:
    """Good and bad filters, its own words beyond what it may hear, a second one that takes over and is cut."""
    own = f"devices/{broker.ids[number]}"
    with broker.session(number, clean=number % 2 == 0, expiry_s=60) as collar:
        collar.subscribe(f"{own}/cmd/#", f"{own}/#", f"{own}/cmd/treat", "#", "$share/g/#", f"{own}/cmd/", "devices/")
        collar.send(mqtt.unsubscribe([f"{own}/cmd/#", "never/there"]))
        for _ in range(100):
            props = mqtt.USER_PROPERTY + b"\0\1a\0\1b"
            collar.send(mqtt.publish(f"{own}/status", PAYLOAD, qos=0, props=props))
        collar.wait_drained()
        with broker.session(number) as second:
            second.subscribe(f"{own}/cmd/#")
            second.send(mqtt.subscribe(["a"] * 4_250) * 24)
            second.wait_drained()
