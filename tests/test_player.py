"""The owner watches in a real Chromium over the real chain; how old the picture is stands in the picture itself."""

import os
import signal
import statistics
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import Flash, Stack, collars
from tools.browser import ages, launch, sign_in, wait_live
from tools.testing import WHOLE, wait_for

WATCHED_S = 15
BACK_S = 10  # after a kill
HLS_P50_S, FAST_P50_S, STALL_S = 2.5, 0.5, 1.0


@pytest.fixture(scope="module")
def page(stack: Stack) -> Iterator[Page]:
    """The demo's owner, signed in."""
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        yield sign_in(browser, stack.demo)
        browser.close()


@pytest.fixture(scope="module")
def flash(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flash]:
    """A collar of the owner's with a camera."""
    with collars(stack, tmp_path_factory.mktemp("watched")) as begin:
        yield begin(interval_s=60)


@pytest.fixture
def watching(page: Page, flash: Flash) -> Page:
    """Its page, with a live picture. A start that takes a busy machine too long is tried again, as the page offers."""
    page.goto(f"/collar/{flash.id}/")
    page.get_by_role("button", name="Start live view").click()
    page.locator('#player:is([data-state="live"], [data-state="failed"])').wait_for(timeout=15_000)
    if page.locator('#player[data-state="failed"]').count():
        page.get_by_role("button", name="Try again").click()
    expect(page.locator("#player")).to_have_attribute("data-state", "live", timeout=15_000)
    return page


def test_the_picture_is_fresh_and_never_stalls(watching: Page) -> None:
    late = ages(watching, "#player video", WATCHED_S)
    assert len(late) > WATCHED_S * 3
    assert statistics.median(late) <= HLS_P50_S
    assert max(late) - statistics.median(late) < STALL_S  # a picture that stands gets older
    expect(watching.locator(".player-status")).to_contain_text("s behind")


def test_the_fast_view_is_under_half_a_second_behind(watching: Page) -> None:
    watching.get_by_role("button", name="Fast view").click()
    expect(watching.locator('#player[data-fast="on"]')).to_have_attribute("data-state", "live", timeout=10_000)
    assert statistics.median(ages(watching, "#player img", 4)) <= FAST_P50_S
    watching.get_by_role("button", name="Fast view").click()
    expect(watching.locator('#player[data-fast="off"]')).to_have_attribute("data-state", "live", timeout=10_000)


def test_it_obeys_the_keyboard(watching: Page) -> None:
    stage = watching.locator(".stage")
    stage.focus()
    watching.keyboard.press("Space")
    expect(watching.locator("#player")).to_have_attribute("data-state", "paused")
    stage.focus()
    watching.keyboard.press("Space")
    expect(watching.locator("#player")).to_have_attribute("data-state", "live", timeout=10_000)
    stage.focus()
    with watching.expect_download() as saved:
        watching.keyboard.press("s")
    assert saved.value.suggested_filename.endswith(".jpg")


def test_a_web_process_that_dies_costs_no_picture(watching: Page, stack: Stack) -> None:
    before = stack.instance.pid("web")
    stack.instance.kill("web")
    wait_for(lambda: stack.instance.pid("web") not in (None, before), 15)
    stack.instance.wait_healthy(30)
    assert ages(watching, "#player video", 2)
    expect(watching.locator("#player")).to_have_attribute("data-state", "live")
    expect(watching.locator("#lost")).to_be_hidden(timeout=25_000)


@pytest.mark.parametrize("part", ["rtmp", "redis", "transcoder"] if WHOLE else ["rtmp"])
def test_what_dies_during_play_is_back_without_a_reload(watching: Page, stack: Stack, part: str) -> None:
    watching.evaluate("document.body.dataset.kept = 'yes'")
    killed_at = time.time()
    if part == "transcoder":
        victims = stack.transcoders()
        assert victims
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
    else:
        stack.instance.kill(part)
    wait_for(lambda: any(time.time() - age > killed_at + 1 for age in ages(watching, "#player video", 0.3)), BACK_S)
    expect(watching.locator("#player")).to_have_attribute("data-state", "live")
    assert watching.evaluate("document.body.dataset.kept") == "yes"


def test_a_network_that_was_away_costs_a_veil_and_no_reload(watching: Page) -> None:
    watching.context.set_offline(True)
    watching.evaluate("dispatchEvent(new Event('online'))")  # the phone changed its network, and it leads nowhere yet
    expect(watching.locator(".veil")).to_contain_text("The picture stopped at")
    expect(watching.locator(".player-status")).to_contain_text("Reconnecting, try 2", timeout=10_000)
    watching.context.set_offline(False)
    wait_live(watching)
    assert ages(watching, "#player video", 0.5)


def test_a_tab_that_nobody_looks_at_lets_go_and_goes_on_when_somebody_does(watching: Page) -> None:
    watching.clock.install()
    seen = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s});"
    look = seen + "document.dispatchEvent(new Event('visibilitychange'))"
    watching.evaluate(look % "true")
    watching.clock.fast_forward(31_000)
    expect(watching.locator("#player")).to_have_attribute("data-state", "paused")
    watching.evaluate(look % "false")
    wait_live(watching)


def test_switching_the_camera_off_elsewhere_is_said_on_the_page(watching: Page, stack: Stack, flash: Flash) -> None:
    with stack.client() as owner:
        owner.patch(f"/devices/{flash.id}", json={"config": {"camera": "off"}})
        expect(watching.locator("#player")).to_contain_text("You turned this camera off", timeout=10_000)
        owner.patch(f"/devices/{flash.id}", json={"config": {"camera": "on_demand"}})
        expect(watching.get_by_role("button", name="Start live view")).to_be_visible(timeout=10_000)


def test_who_leaves_is_in_the_ledger_and_the_camera_goes_off(watching: Page, stack: Stack, flash: Flash) -> None:
    watching.get_by_role("button", name="Stop watching").click()
    expect(watching.locator("#player")).to_contain_text("Nobody is watching")
    expect(watching.locator(".place-viewers")).to_contain_text("on this page")
    with stack.client() as owner:
        status = f"/devices/{flash.id}/status"
        wait_for(lambda: owner.get(status).json()["streaming"] is False, 25)


def test_an_offline_collar_says_why_there_is_no_picture(page: Page, flash: Flash) -> None:
    page.goto(f"/collar/{flash.id}/")
    expect(page.get_by_role("button", name="Start live view")).to_be_visible()
    flash.kill()
    expect(page.locator("#player")).to_contain_text("Offline since", timeout=10_000)
    expect(page.get_by_role("button", name="Start live view")).to_be_hidden()
