"""pages: the collar's page in Chromium; the floor is the same page as a file on the same nginx."""

import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.test import Client, override_settings
from playwright.sync_api import BrowserContext, Page, sync_playwright

from accounts.models import User
from broker.messages import Message
from core.ids import to_ms
from core.times import now
from devices.models import Device
from telemetry.models import RollupMark
from telemetry.services.ingest import store
from tools.benchmarks.people import make_devices, make_owner
from tools.benchmarks.report import report
from tools.testing import wait_for

CHROMIUM = "/usr/bin/chromium"
LOADS, HOMES, DAYS, BATCH = 9, 15, 30, 480
# What the browser saw: the moment of the first contentful paint, the shifts that nobody asked for, the bytes.
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
SHIFTS = """new Promise((done) => { let sum = 0;
  new PerformanceObserver((list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) sum += e.value; })
    .observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => done(sum), 1500); })"""
WEIGHT = """performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""
# From the click on "30 d" to the new drawing: the request, the page's new part and the chart are in it.
DRAWN = """new Promise((done) => {
  const box = document.getElementById('chart'), began = performance.now();
  new MutationObserver((changes) => changes.some((c) => [...c.addedNodes].some((n) => n.classList?.contains('uplot')))
    && requestAnimationFrame(() => done(performance.now() - began))).observe(box, { childList: true });
  document.querySelector('a[data-range="30d"]').click(); })"""


def run() -> None:
    """One owner with a month of samples, one with a single collar, one with fifty."""
    owner = make_owner()[0]
    device = make_devices(owner, 1)[0][0]
    _fill(device)
    with override_settings(ALLOWED_HOSTS=["testserver", "localhost"]):
        client = _client(owner)
        one, fifty = _home(1), _home(50)
        page = client.get(f"/collar/{device.pk}/", headers={"Accept-Language": "en"}).content
    (settings.STATIC_ROOT / "bench.html").write_bytes(page)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        found = _measure(lambda: _context(browser, client), f"/collar/{device.pk}/")
        browser.close()
    ratio = found["paint_ms"] / found["static_ms"]
    more = {"weight_kb": found["weight_kb"], "layout_shift": found["layout_shift"], "chart_30d_ms": found["chart_ms"]}
    times = {"home_1_ms": one * 1000, "home_50_ms": fifty * 1000, "home_50_by_1": fifty / one}
    report("pages", ratio, (found["paint_ms"], "ms"), (found["static_ms"], "ms"), **more, **times)


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _home(collars: int) -> float:
    """Seconds of server time of the home page, the median."""
    owner = make_owner()[0]
    make_devices(owner, collars)
    client = _client(owner)
    return _median(lambda: client.get("/"), HOMES)


def _median(call: Callable[[], Any], times: int) -> float:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def _context(browser: Any, client: Client) -> BrowserContext:
    url = os.environ["HETRI_URL"]
    context: BrowserContext = browser.new_context(base_url=url, ignore_https_errors=True, service_workers="block")
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}])
    return context


def _measure(begin: Callable[[], BrowserContext], path: str) -> dict[str, float]:
    """Each load has an empty cache; ours and the file take turns, so that the machine's mood hits both."""
    ours: list[float] = []
    static: list[float] = []
    weight, shifts = 0.0, 0.0
    for _ in range(LOADS):
        for address, found in (("/static/bench.html", static), (path, ours)):
            context = begin()
            page = context.new_page()
            page.goto(address, wait_until="load")
            found.append(float(wait_for(partial(page.evaluate, PAINT))))
            if address == path:
                page.wait_for_load_state("networkidle")
                weight, shifts = page.evaluate(WEIGHT) / 1000, max(shifts, page.evaluate(SHIFTS))
            context.close()
    context = begin()
    chart = _chart(context.new_page(), path)
    context.close()
    return {
        "paint_ms": statistics.median(ours),
        "static_ms": statistics.median(static),
        "weight_kb": weight,
        "layout_shift": shifts,
        "chart_ms": chart,
    }


def _chart(page: Page, path: str) -> float:
    """Milliseconds from the click to 30 days on the screen, the median."""
    found: list[float] = []
    for _ in range(LOADS):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        found.append(page.evaluate(DRAWN))
    return statistics.median(found)


def _fill(device: Device) -> None:
    """A sample a minute for 30 days, rolled up."""
    first = now() - timedelta(days=DAYS)
    felt = {"sd_mg": 212, "odba_mg": 140, "active_s": 20, "steps": 2}
    base: dict[str, object] = {
        "accel_x": 0.01,
        "accel_y": -0.98,
        "accel_z": 0.12,
        "battery_level": 87.5,
        "activity": felt,
    }
    for begin in range(0, DAYS * 1440, BATCH):
        messages = []
        for part in range(begin, begin + BATCH, 80):
            samples = [
                {**base, "seq": number, "ts": to_ms(first + timedelta(minutes=number))}
                for number in range(part, part + 80)
            ]
            payload = json.dumps({"v": 1, "boot": "00000002", "batch": part, "samples": samples}).encode()
            messages.append(Message(device.pk, "bench", payload, False, to_ms(now())))
        store(messages)
    Device.objects.filter(pk=device.pk).update(status="online", last_seen=now() + timedelta(hours=1))
    wait_for(lambda: not RollupMark.objects.exists(), seconds=120)
