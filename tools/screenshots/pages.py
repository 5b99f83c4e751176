"""What there is to see: name, address, whose session, and what is done before the picture."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from tools.screenshots.people import PASSWORD, Cast

MOVES = "moves"  # said by what is done before a picture when the page goes on fetching afterwards
Shot = tuple[str, str, str, Callable[[Page], Any] | None]


def _submit(page: Page) -> None:
    page.locator("main form button[type=submit].button").first.click()


def _open_table(page: Page) -> None:
    page.locator("summary").first.click()


def _crosshair(page: Page) -> None:
    page.locator("#chart canvas").first.wait_for()
    page.locator("#chart").focus()
    for _step in range(3):
        page.keyboard.press("PageUp")


def _prove(page: Page) -> None:
    if "/again" not in page.url:  # this session has done so for the picture before
        return
    page.get_by_label("password", exact=False).or_(page.get_by_label("Passwort", exact=False)).fill(PASSWORD)
    _submit(page)


def _watch(page: Page) -> None:
    page.locator("[data-watch]").click()


def _silent(page: Page) -> None:
    page.clock.install()
    _watch(page)
    page.locator('#player[data-state="starting"]').wait_for()
    page.clock.fast_forward(12_000)
    page.locator('#player[data-state="failed"]').wait_for()


def _full(page: Page) -> None:
    page.route("**/video_url", lambda route: route.fulfill(status=503, json={}, headers={"Retry-After": "20"}))
    _watch(page)
    page.locator('#player[data-state="busy"]').wait_for()


def _live(page: Page) -> str:
    _watch(page)
    page.locator('#player[data-state="live"]').wait_for()
    page.wait_for_timeout(2500)
    return MOVES


def _lost(page: Page) -> str:
    _live(page)
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('online'))")
    page.locator('#player[data-state="lost"]').wait_for()
    page.wait_for_timeout(3200)
    return MOVES


def PAGES(cast: Cast) -> list[Shot]:  # noqa: N802  (a table that needs ids)
    """All of it, in the order in which a person meets it."""
    return [*SIGNED_OUT, *_home(cast), *_collar(cast), *_settings(cast), *_pets(cast), *_account(cast)]


SIGNED_OUT: list[Shot] = [
    ("login", "/account/login", "", None),
    ("login-error", "/account/login", "", _submit),
    ("signup", "/account/signup", "", None),
    ("signup-error", "/account/signup", "", _submit),
    ("confirm", "/account/confirm", "", None),
    ("confirm-old", "/account/confirm/nothing", "", None),
    ("reset", "/account/password/reset", "", None),
    ("reset-sent", "/account/password/reset/sent", "", None),
]


def _home(cast: Cast) -> list[Shot]:
    return [
        ("home-empty", "/", cast.empty, None),
        ("home", "/", cast.full, None),
        ("home-many", "/", cast.many, None),
        ("home-search", "/?q=na", cast.many, None),
        ("add", "/collar/add", cast.full, None),
        ("add-error", "/collar/add?code=7K3M-9QXT", cast.full, _submit),
        ("build", "/collar/build", cast.full, None),
    ]


def _collar(cast: Cast) -> list[Shot]:
    collar = f"/collar/{cast.rex.pk}/"
    return [
        ("collar", collar, cast.full, _crosshair),
        ("collar-week", f"{collar}?range=7d", cast.full, None),
        ("collar-offline", f"/collar/{cast.away.pk}/", cast.full, None),
        ("collar-fresh", f"/collar/{cast.fresh.pk}/", cast.full, None),
        ("collar-plain", f"/collar/{cast.plain.pk}/", cast.full, None),
        ("player-starting", collar, cast.full, _watch),
        ("player-failed", collar, cast.full, _silent),
        ("player-busy", collar, cast.full, _full),
        ("player-off", f"/collar/{cast.unseen.pk}/", cast.full, None),
        ("player-live", f"/collar/{cast.demo_collar}/", cast.demo, _live),
        ("player-lost", f"/collar/{cast.demo_collar}/", cast.demo, _lost),
        ("check", f"{collar}check", cast.full, None),
        ("support", f"{collar}support", cast.full, None),
        ("treats", f"{collar}treats", cast.full, None),
        ("viewers", f"/collar/{cast.demo_collar}/viewers", cast.demo, None),
    ]


def _settings(cast: Cast) -> list[Shot]:
    collar = f"/collar/{cast.rex.pk}/"
    return [
        ("settings", f"{collar}settings", cast.full, None),
        ("credentials", f"{collar}credentials", cast.full, None),
        ("handover", f"{collar}handover", cast.full, _submit),
        ("remove", f"/collar/{cast.fresh.pk}/remove", cast.full, None),
        ("settings-plain", f"/collar/{cast.plain.pk}/settings", cast.full, None),
    ]


def _pets(cast: Cast) -> list[Shot]:
    pet = f"/pet/{cast.pet.pk}/"
    return [
        ("pets-empty", "/pet/", cast.empty, None),
        ("pets", "/pet/", cast.full, None),
        ("pet", pet, cast.full, _open_table),
        ("pet-long", f"/pet/{cast.long_pet.pk}/", cast.full, None),
        ("pet-edit", f"{pet}edit", cast.full, None),
        ("pet-picture", f"{pet}picture", cast.full, _submit),
        ("pet-remove", f"{pet}remove", cast.full, None),
    ]


def _account(cast: Cast) -> list[Shot]:
    return [
        ("account", "/account/", cast.full, None),
        ("password", "/account/password", cast.full, None),
        ("again", "/account/again", cast.full, None),
        ("factor", "/account/second-factor/on", cast.full, _prove),
        ("delete", "/account/delete", cast.full, _submit),
        ("offline", "/account/offline", "", None),
        ("not-found", "/pet/nothing/", cast.full, None),
    ]
