"""What the player says when there is no picture, in a real Chromium; with a picture: tests/test_player.py."""
# ruff: noqa: RUF001  (people read typographic apostrophes)

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from core.times import now
from devices.models import Device
from pages.tests.conftest import Open
from streaming.models import StreamSession
from streaming.services import streams
from tools.testing import Api, Collar, wait_for


@pytest.fixture
def device(alice: Api) -> Iterator[dict[str, Any]]:
    """Alice's collar; its stream is over afterwards, since a server carries only so many."""
    made = alice.new_device()
    yield made
    let_go(made["id"])


def let_go(*devices: str) -> None:
    """End their streams."""
    for stream in StreamSession.objects.filter(device__in=devices, state__in=streams.OPEN):
        streams.end_stream(stream=stream, reason=StreamSession.Reason.UNWATCHED)


@pytest.fixture
def press(alice: Api, device: dict[str, Any], collar: Collar, open_page: Open) -> Callable[[], Page]:
    """`press()`: the collar's page, and "Start live view" pressed."""

    def begin() -> Page:
        page = open_page(alice)
        page.clock.install()
        page.goto(f"/collar/{device['id']}/")
        page.get_by_role("button", name="Start live view").click()
        return page

    return begin


@pytest.fixture
def collar(alice: Api, device: dict[str, Any]) -> Iterator[Collar]:
    """It is connected, and has no camera."""
    started = Collar(device["mqtt"]).start()
    wait_for(lambda: alice.get(f"/devices/{device['id']}/status").json()["status"] == "online")
    yield started
    started.stop()


@pytest.fixture
def full(alice: Api) -> Iterator[list[str]]:
    """The collars whose streams fill the server."""
    others: list[str] = []
    while StreamSession.objects.filter(state__in=streams.OPEN).count() < settings.STREAMS_MAX:
        others.append(alice.new_device()["id"])
        Device.objects.filter(pk=others[-1]).update(status="online", last_seen=now())
        assert alice.get(f"/devices/{others[-1]}/video_url").status_code == 200
    yield others
    let_go(*others)


def test_a_full_server_says_so_and_tries_again(full: list[str], press: Callable[[], Page], collar: Collar) -> None:
    page = press()
    player = page.locator("#player")
    expect(player).to_contain_text("All streams are in use")
    expect(player).to_contain_text("Trying again in")
    let_go(full[0])
    page.get_by_role("button", name="Try now").click()
    expect(player).to_contain_text("Starting the camera")
    expect(player).to_contain_text(re.compile(r"Asked the collar, [1-9] s ago"))
    assert wait_for(lambda: collar.received("stream"))


def test_a_collar_that_declines_is_said_with_a_way_out(press: Callable[[], Page], collar: Collar) -> None:
    page = press()
    order = wait_for(lambda: collar.received("stream"))[0]
    collar.answer(order["id"], "failed", reason="low_battery")
    player = page.locator("#player")
    expect(player).to_contain_text("The camera did not start")
    expect(player).to_contain_text("The collar declined. Its battery may be too low.")
    expect(page.get_by_role("status")).to_contain_text("The camera did not start.")
    page.get_by_role("button", name="Try again").click()
    expect(player).to_contain_text("Starting the camera")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Start live view")).to_be_visible()


def test_a_collar_that_is_silent_is_given_up(press: Callable[[], Page], collar: Collar) -> None:
    page = press()
    expect(page.locator("#player")).to_contain_text("Starting the camera")
    page.clock.fast_forward(23_000)
    expect(page.locator("#player")).to_contain_text("The collar sent no picture within 10 s.")


@pytest.fixture
def tell(server: str, collar: Collar) -> Callable[..., httpx.Response]:
    """`tell("publish")`: what the media server tells of the collar's newest order, and what it is answered."""

    def post(call: str, **fields: str) -> httpx.Response:
        order = wait_for(lambda: collar.received("stream"))[-1]
        told = {"app": order["app"], "name": order["name"], "key": order["key"], **fields}
        return httpx.post(
            f"{server}/internal/streaming/{call}", data=told, headers={"X-Hetri-Hook": settings.HOOK_SECRET}
        )

    return post


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("unplayable", "a format that browsers do not play. Set its encoder to H.264, 8 bit, 4:2:0."),
        ("bad_picture", "pictures that are broken, or larger than 1920 x 1088."),
    ],
)
def test_pictures_that_cannot_be_shown_are_said_in_plain_words(
    press: Callable[[], Page], tell: Callable[..., httpx.Response], reason: str, words: str
) -> None:
    page = press()
    tell("publish_done", name=tell("publish").headers["Location"], reason=reason)
    expect(page.locator("#player")).to_contain_text(words)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_nothing_is_fetched_before_there_is_something_to_play(
    press: Callable[[], Page], tell: Callable[..., httpx.Response], device: dict[str, Any]
) -> None:
    page, fetched = press(), []
    page.on("request", lambda request: fetched.append(request.url) if "/v/" in request.url else None)
    tell("publish")
    expect(page.locator("#player")).to_contain_text(re.compile(r"Asked the collar, [1-9] s ago"))
    assert fetched == []
    with page.expect_request("**/v/*/*/index.m3u8"):
        streams.picture_came(stream=StreamSession.objects.get(device=device["id"]))


def test_an_offline_collar_leads_to_what_can_be_checked(open_page: Open, alice: Api, device: dict[str, Any]) -> None:
    page = open_page(alice)
    page.goto(f"/collar/{device['id']}/")
    page.get_by_role("link", name="What to check").click()
    expect(page.get_by_text("Hold the collar’s button for five seconds")).to_be_visible()
