"""What holds for each page: no fault that axe-core finds, no third party, headers that keep strangers out."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from accounts.models import User
from pages.tests.conftest import Open, make_collar, make_treat, signed_in
from pets.models import Pet
from tools.testing import Api

AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text()
OUTSIDE = [
    "/account/login",
    "/account/signup",
    "/account/password/reset",
    "/account/password/reset/sent",
    "/account/password/reset/done",
    "/account/password/reset/1-old",
    "/account/confirm",
    "/account/confirm/old",
    "/account/inactive",
    "/account/offline",
]
INSIDE = [
    "/",
    "/collar/add",
    "/collar/build",
    "/collar/{device}/",
    "/collar/{device}/?range=30d",
    "/collar/{device}/settings",
    "/collar/{device}/check",
    "/collar/{device}/support",
    "/collar/{device}/credentials",
    "/collar/{device}/handover",
    "/collar/{device}/remove",
    "/collar/{device}/treats",
    "/collar/{device}/viewers",
    "/pet/",
    "/pet/add",
    "/pet/{pet}/",
    "/pet/{pet}/edit",
    "/pet/{pet}/picture",
    "/pet/{pet}/remove",
    "/account/",
    "/account/password",
    "/account/again",
    "/account/second-factor/on",
    "/account/delete",
    "/pet/nothing/",
]
NASTY = "<b onclick=alert(1)>R\u202eex</b> 🐕 &amp; {{ 7|add:1 }}"


@pytest.fixture
def places(alice: Api) -> list[str]:
    """The addresses of a full house, with names that try to be more than text."""
    user = User.objects.get(pk=alice.user.pk)
    pet = Pet.objects.create(owner=user, name=NASTY, species="dog", treats_per_day=4, kcal_per_portion=3)
    device = make_collar(user, pet, name=NASTY)
    make_treat(device)
    return [path.format(device=device.pk, pet=pet.pk) for path in INSIDE]


def faults(page: Page, only: str = "") -> list[str]:
    """What axe-core finds, as `rule: element`. It is run as our own script: the page's policy lets no other in."""
    options = {"resultTypes": ["violations"], **({"runOnly": [only]} if only else {})}
    found: dict[str, Any] = page.evaluate("async (options) => await axe.run(document, options)", options)
    return [
        f"{page.url} {v['id']}: {v['nodes'][0]['html'][:160]} {v['nodes'][0]['failureSummary'][:300]}"
        for v in found["violations"]
    ]


def test_axe_finds_nothing_in_either_theme(open_page: Open, alice: Api, places: list[str]) -> None:
    found: list[str] = []
    for person, paths in ((None, OUTSIDE), (alice, places)):
        page = open_page(person, bypass_csp=True)
        page.add_init_script(AXE)
        for path in paths:
            page.emulate_media(color_scheme="light", reduced_motion="reduce")
            page.goto(path)
            found += faults(page)
            page.emulate_media(color_scheme="dark")  # changes colours, at once, and nothing else
            found += faults(page, "color-contrast")
    assert found == []


def test_names_are_text_everywhere(open_page: Open, alice: Api, places: list[str]) -> None:
    client = signed_in(User.objects.get(pk=alice.user.pk))
    assert [path for path in places if "<b onclick" in client.get(path).content.decode()] == []
    page = open_page(alice)
    page.goto(places[3])
    expect(page.get_by_role("heading", level=1)).to_have_text(NASTY)


def test_every_page_is_asked_of_us_alone_and_no_wider_than_a_phone(
    open_page: Open, alice: Api, server: str, places: list[str]
) -> None:
    asked: list[str] = []
    page = open_page(alice, locale="de-DE")
    page.on("request", lambda request: asked.append(request.url))
    wide = []
    for path in places:
        page.goto(path)
        if page.evaluate("document.documentElement.scrollWidth") > 390:
            wide.append(path)
    assert wide == []
    assert len(asked) > len(places)
    assert [url for url in asked if not url.startswith((server, "data:"))] == []


@pytest.mark.django_db
def test_headers_keep_strangers_out(owner: User) -> None:
    client = signed_in(owner)
    for path in ("/", "/pet/", "/account/", "/collar/add", "/account/password"):
        answer = client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"<script(?![^>]*( src=|type=\"application/json\"))", answer.content.decode())
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this name has the focus."""
    for _press in range(40):
        page.keyboard.press("Tab")
        if name in page.evaluate("(document.activeElement.ariaLabel ?? document.activeElement.innerText ?? '').trim()"):
            return
    raise AssertionError(f"Tab does not come to {name}")


def test_a_collar_is_set_with_the_keyboard_alone(open_page: Open, alice: Api, places: list[str]) -> None:
    page = open_page(alice)
    page.goto(places[3])
    tab_to(page, "Settings")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    page.get_by_label("Name of the collar").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("By keys")
    tab_to(page, "Save")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved. The collar is told when it is online.")).to_be_visible()


# What can be pressed or filled in and is on the page: whose box has a size, and that no style hides.
PRESSABLE = """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
    .filter((it) => it.type !== 'hidden' && !it.disabled && it.checkVisibility({visibilityProperty: true}))"""


WATCH_FOCUS = f"""() => {{
    window.reached = new Set();
    window.pressable = ({PRESSABLE})();
    document.addEventListener('focusin', (event) => reached.add(event.target));
    return pressable.length;
}}"""


def unreached(page: Page) -> list[str]:
    """What Tab does not come to on its way through the page."""
    count: int = page.evaluate(WATCH_FOCUS)
    for _press in range(count + 8):  # a date is several stops
        page.keyboard.press("Tab")
    left: list[str] = page.evaluate("() => pressable.filter((it) => !reached.has(it)).map((it) => it.outerHTML)")
    return [f"{page.url}: {element[:120]}" for element in left]


def test_the_keyboard_comes_to_all_that_can_be_pressed(open_page: Open, alice: Api, places: list[str]) -> None:
    page = open_page(alice)
    left: list[str] = []
    for path in places:
        page.goto(path)
        left += unreached(page)
    assert left == []


def test_the_focus_is_seen_on_every_step(open_page: Open, alice: Api, places: list[str]) -> None:
    page = open_page(alice)
    page.goto("/account/")
    for _press in range(12):
        page.keyboard.press("Tab")
        width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert width == "3px", page.evaluate("document.activeElement.outerHTML")
