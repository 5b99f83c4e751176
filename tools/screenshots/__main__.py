"""Takes the pictures in Chromium on the running server. Arguments: parts of names; without any, all are taken."""

import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
OUT = Path("var/shots")
FONTS = Path(__file__).parent / "fonts.conf"
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
Shot = tuple[str, str, str, Callable[[Page], Any] | None]


def main(wanted: list[str]) -> int:
    """Every page and state in two sizes, two themes; the main ones in German, too."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "hetri.settings"
    os.environ["FONTCONFIG_FILE"] = str(FONTS)
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright's loop runs in this thread
    django.setup()
    from django.test.utils import override_settings

    from tools.screenshots.desk import LISTS
    from tools.screenshots.pages import PAGES
    from tools.screenshots.people import make_cast
    from tools.screenshots.staff import DESK

    with override_settings(ALLOWED_HOSTS=["testserver"]):
        cast = make_cast()
        desk = [*DESK(cast.rex), *LISTS(cast.desk, cast.rex, cast.away)]
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        shots = [*itertools.product(PAGES(cast), _looks()), *itertools.product(desk, _english())]
        for shot, look in shots:
            label = "-".join((shot[0], *look))
            if not wanted or any(part in label for part in wanted):
                _take(browser, OUT / f"{label}.png", shot, look, cast.zone)
    print(f"{len(list(OUT.glob('*.png')))} pictures in {OUT}")
    return 0


def _english() -> Iterator[tuple[str, str, str]]:
    """The desk speaks no German."""
    yield from itertools.product(SIZES, ("light", "dark"), ("en",))


def _looks() -> Iterator[tuple[str, str, str]]:
    yield from _english()
    yield from itertools.product(SIZES, ("light",), ("de",))


def _take(browser: Browser, target: Path, shot: Shot, look: tuple[str, Any, str], zone: str) -> None:
    (_name, path, cookie, act), (size, theme, language) = shot, look
    width, height = SIZES[size]
    url = os.environ["HETRI_URL"]
    context = browser.new_context(
        base_url=url,
        ignore_https_errors=True,
        viewport={"width": width, "height": height},
        color_scheme=theme,
        locale={"en": "en-GB", "de": "de-DE"}[language],
        timezone_id=zone,
        service_workers="block",
    )
    if cookie:
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": url}])
    page = context.new_page()
    page.goto(path)
    page.wait_for_load_state("networkidle")
    if act is not None and act(page) != "moves":
        page.wait_for_load_state("networkidle")
    page.screenshot(path=target, full_page=True)
    context.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
