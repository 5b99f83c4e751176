"""The pages in a real Chromium on the running server, with a collar on the real broker."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pages.tests.conftest import Open
from tools.testing import Api, Collar, wait_for


@pytest.fixture
def device(alice: Api) -> dict[str, Any]:
    """Rex's collar, with 3 portions a day."""
    pet = alice.new_pet(name="Rex", time_zone="Europe/Berlin", treats_per_day=3)
    return alice.new_device(name="Rex's collar", pet=pet["id"])


@pytest.fixture
def collar(alice: Api, device: dict[str, Any]) -> Iterator[Collar]:
    started = Collar(device["mqtt"]).start()
    wait_for(lambda: alice.get(f"/devices/{device['id']}/status").json()["status"] == "online")
    yield started
    started.stop()


def settle(page: Page) -> None:
    """Until the socket has told what it knows and the page has put it in place."""
    page.wait_for_load_state("networkidle")


def test_a_treat_is_seen_from_the_press_to_the_ledger(
    open_page: Open, alice: Api, device: dict[str, Any], collar: Collar
) -> None:
    page = open_page(alice)
    page.get_by_role("link", name="Rex").click()
    settle(page)
    panel = page.locator("#treat")
    height = panel.bounding_box()
    page.get_by_role("button", name="One portion more").click()
    page.get_by_role("button", name="Give a treat").click()
    expect(panel).to_contain_text("Rex got 2 portions. 1 is left today.")
    expect(panel).to_contain_text("1 of 3 left today")
    expect(page.locator(".place-ledger")).to_contain_text("2 portions, by you")
    expect(page.get_by_role("status")).to_have_text("Rex got 2 portions.")
    assert panel.bounding_box() == height
    assert [command["portion"] for command in collar.received("treat")] == [2]


def test_two_browsers_agree(open_page: Open, alice: Api, device: dict[str, Any], collar: Collar) -> None:
    one, other = open_page(alice), open_page(alice)
    other.goto(f"/collar/{device['id']}/")
    settle(other)
    one.get_by_role("button", name="Treat 3 left").click()
    expect(one.get_by_role("button", name="Treat 2 left")).to_be_visible()
    expect(other.locator("#treat")).to_contain_text("Rex got one portion. 2 are left today.")


def test_going_away_and_coming_back_is_said_at_once(
    open_page: Open, alice: Api, device: dict[str, Any], collar: Collar
) -> None:
    page = open_page(alice)
    expect(page.get_by_role("heading", level=1)).to_have_text("Rex is online.")
    settle(page)
    collar.publish("status", {"v": 1, "online": False}, retain=True)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rex has been offline since")
    expect(page.get_by_role("status")).to_have_text("Rex is offline.")
    collar.say_online()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rex is online.")


def test_the_crosshair_moves_by_arrow_keys(open_page: Open, alice: Api, device: dict[str, Any], collar: Collar) -> None:
    page = open_page(alice)
    page.goto(f"/collar/{device['id']}/")
    expect(page.locator("#chart canvas")).to_have_count(2)
    page.locator("#chart").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".bubble")).to_contain_text("No data")
    page.keyboard.press("Escape")
    expect(page.locator(".bubble")).to_be_hidden()


def test_a_lost_connection_is_said_and_heals(open_page: Open, alice: Api, collar: Collar) -> None:
    page = open_page(alice)
    settle(page)
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('online'))")  # try again now, in vain
    expect(page.locator("#lost")).to_contain_text("This page lost its connection at")
    page.context.set_offline(False)
    expect(page.locator("#lost")).to_be_hidden(timeout=30_000)
    expect(page.get_by_role("status")).to_have_text("The connection is back.")


def test_logging_out_in_one_tab_ends_the_other(open_page: Open, alice: Api, device: dict[str, Any]) -> None:
    page = open_page(alice)
    other = page.context.new_page()
    other.goto(f"/collar/{device['id']}/")
    settle(other)
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(other).to_have_url(re.compile(rf"/account/login\?next=%2Fcollar%2F{device['id']}%2F$"), timeout=30_000)


def test_without_scripts_a_treat_is_a_form(open_page: Open, alice: Api, device: dict[str, Any], collar: Collar) -> None:
    page = open_page(alice, java_script_enabled=False)
    page.get_by_role("link", name="Rex").click()
    page.get_by_role("button", name="Give a treat").click()
    expect(page.locator(".place-ledger")).to_contain_text("1 portion, by you")
    wait_for(lambda: page.reload() and page.get_by_text("Rex got one portion.").is_visible())


def test_it_asks_nobody_else(open_page: Open, alice: Api, server: str, device: dict[str, Any]) -> None:
    page = open_page(alice)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/collar/{device['id']}/")
    settle(page)
    assert asked
    assert [url for url in asked if not url.startswith(server)] == []


def test_the_chart_shows_a_week_and_comes_nearer_by_keys(
    open_page: Open, alice: Api, device: dict[str, Any], collar: Collar
) -> None:
    asked: list[str] = []
    page = open_page(alice)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/collar/{device['id']}/")
    page.set_viewport_size({"width": 1280, "height": 900})
    settle(page)
    page.get_by_role("link", name="7 d").click()
    expect(page.locator("#chart-unit")).to_have_text("Active minutes in each hour")
    assert page.url.endswith("?range=7d#activity-title")
    assert any("resolution=1h" in url for url in asked)
    page.locator("#chart").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(page.locator("#chart-unit")).to_have_text("Active minutes in each 5 min")
    page.get_by_role("button", name="Show all of it").click()
    expect(page.locator("#chart-unit")).to_have_text("Active minutes in each hour")


def test_a_bar_on_a_phone_stands_for_what_fits_there(
    open_page: Open, alice: Api, device: dict[str, Any], collar: Collar
) -> None:
    page = open_page(alice)
    page.goto(f"/collar/{device['id']}/")
    unit = page.locator("#chart-unit")
    expect(unit).to_have_text("Active minutes in each 30 min")
    page.get_by_role("link", name="7 d").click()
    expect(unit).to_have_text("Active minutes in each 3 h")
    page.get_by_role("link", name="30 d").click()
    expect(unit).to_have_text("Active time on each day")


def test_the_chart_is_read_out_bar_by_bar(open_page: Open, alice: Api, device: dict[str, Any], collar: Collar) -> None:
    page = open_page(alice)
    page.goto(f"/collar/{device['id']}/?range=30d")
    settle(page)
    page.locator("#chart").focus()
    page.keyboard.press("End")
    expect(page.get_by_role("status")).to_have_text("Today. No data")


def test_the_chart_comes_nearer_to_what_is_drawn_out(
    open_page: Open, alice: Api, device: dict[str, Any], collar: Collar
) -> None:
    page = open_page(alice)
    page.goto(f"/collar/{device['id']}/?range=30d")
    expect(page.locator("#chart canvas")).to_have_count(2)
    page.locator("#chart").scroll_into_view_if_needed()
    box = page.locator("#chart .u-over").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 40, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 52, box["y"] + 60, steps=4)
    page.mouse.up()
    expect(page.locator("#chart-unit")).to_have_text("Active minutes in each 30 min")


def test_what_is_wrong_in_a_form_has_the_focus(open_page: Open, alice: Api) -> None:
    page = open_page(alice)
    page.goto("/collar/add")
    page.get_by_role("button", name="Add collar").click()
    expect(page.locator("#errors")).to_be_focused()
