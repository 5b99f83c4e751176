"""The application is started anew while people and collars use it: nobody is refused, nothing is lost."""

import ssl
from collections import Counter
from collections.abc import Callable

from playwright.sync_api import sync_playwright

from devkit.rolling import restart_parts
from firmware.lens import launch, sign_in
from hetri.testing import wait_for
from tests.conftest import Flash, Stack
from tests.load import Load

Maker = Callable[..., Flash]
STORED = "SELECT boot, seq FROM telemetry_sample WHERE device_id = %s"
# Whether the page ever said that its connection is lost.
WATCH_WORDS = """() => new MutationObserver(() => document.body.dataset.worried = "yes")
    .observe(document.getElementById("lost"), {attributes: true})"""


def test_a_restart_refuses_no_request_and_loses_no_sample(stack: Stack, new_collar: Maker) -> None:
    quick, slow = new_collar(interval_s=0.1), new_collar(interval_s=60, motor_ms=2_500)
    context = ssl.create_default_context(cafile=str(stack.instance.var / "tls" / "ca.pem"))
    before = stack.instance.pids()
    with sync_playwright() as playwright:
        page = sign_in(launch(playwright.chromium), stack.demo)
        sockets: list[str] = []
        page.on("websocket", lambda opened: sockets.append(opened.url))
        page.goto("/")
        page.evaluate(WATCH_WORDS)
        with Load(stack.demo["url"], context, stack.demo["owner"], quick.id, slow.id) as load:
            restart_parts(stack.instance, ["web"], say=print)
        assert page.evaluate("document.body.dataset.worried") is None
        assert len(sockets) > 1
    replaced = {name for name, pid in stack.instance.pids().items() if pid != before[name]}
    assert replaced == {"web", "web2"}
    assert load.failures == []
    assert set(load.answers) == {"read", "write", "treat", "waiting treat", "slow body"}
    assert set(load.closed) == {1012}
    made = {(boot, seq) for boot, seq, _ in quick.made()}
    wait_for(lambda: made <= set(stack.rows(STORED, quick.id)))
    assert max(Counter(stack.rows(STORED, quick.id)).values()) == 1
