"""The application is started anew while people and collars use it: nobody is refused, nothing is lost."""

import json
import ssl
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from devkit.bootstrap import ROOT
from devkit.instance import Instance
from devkit.parts import SERVICES
from devkit.rolling import restart_parts
from firmware.lens import launch, sign_in
from hetri.testing import wait_for
from tests.conftest import Stack, collars
from tests.load import Load

STORED = "SELECT boot, seq FROM telemetry_sample WHERE device_id = %s"
# Whether the page ever said that its connection is lost.
WATCH_WORDS = """() => new MutationObserver(() => document.body.dataset.worried = "yes")
    .observe(document.getElementById("lost"), {attributes: true})"""


@pytest.fixture
def pair() -> Iterator[Stack]:
    """An installation of its own, with two web instances and no more than they need."""
    folder = ROOT / "var" / "test" / f"pair-{uuid.uuid4().hex[:8]}"
    with Instance(folder, test=True, quick=True, webs=2) as instance:
        instance.start((*SERVICES, "nginx", "web", "ingest"), steps=True)
        yield Stack(instance, json.loads((instance.var / "demo.json").read_text()))


def test_a_restart_refuses_no_request_and_loses_no_sample(pair: Stack, tmp_path: Path) -> None:
    with collars(pair, tmp_path) as new_collar:
        quick, slow = new_collar(interval_s=0.1), new_collar(interval_s=60, motor_ms=2_000)
        load = restarted(pair, quick.id, slow.id)
        made = {(boot, seq) for boot, seq, _ in quick.made()}
        wait_for(lambda: made <= set(pair.rows(STORED, quick.id)))
    assert max(Counter(pair.rows(STORED, quick.id)).values()) == 1
    assert load.failures == []
    assert set(load.answers) == {"read", "write", "treat", "waiting treat", "slow body"}
    assert set(load.closed) == {1012}


def restarted(pair: Stack, quick: str, slow: str) -> Load:
    """What became of all that was asked, and of a page that was open."""
    context = ssl.create_default_context(cafile=str(pair.instance.var / "tls" / "ca.pem"))
    before = pair.instance.pids()
    with sync_playwright() as playwright:
        page = sign_in(launch(playwright.chromium), pair.demo)
        sockets: list[str] = []
        page.on("websocket", lambda opened: sockets.append(opened.url))
        page.goto("/")
        page.evaluate(WATCH_WORDS)
        with Load(pair.demo["url"], context, pair.demo["owner"], quick, slow) as load:
            restart_parts(pair.instance, ["web"], say=print)
        assert page.evaluate("document.body.dataset.worried") is None
        assert len(sockets) > 1
    assert {name for name, pid in pair.instance.pids().items() if pid != before[name]} == {"web", "web2"}
    return load
