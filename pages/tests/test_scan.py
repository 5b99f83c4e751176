"""The camera of a phone reads the pattern on a tag; the picture is a film that Chromium takes for its camera."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import qrcode
from playwright.sync_api import Browser, expect, sync_playwright

from pages.tests.conftest import CHROMIUM, FLAGS, Open
from tools.testing import Api

CODE = "7K3M-9QXT"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with a camera that sees a tag on a table."""
    folder = tmp_path_factory.mktemp("film")
    still, film = folder / "tag.png", folder / "film.y4m"
    qrcode.make(f"https://hetri.example/collar/add?code={CODE}").save(still)
    _film(still, film)
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        flags = [*FLAGS, *camera, f"--use-file-for-fake-video-capture={film}"]
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=flags)


def _film(still: Path, film: Path) -> None:
    """A second of 640x480, the pattern small and turned."""
    turned = "scale=260:260,rotate=0.3:c=white:ow=400:oh=400,pad=640:480:90:30:gray"
    command = ["ffmpeg", "-v", "error", "-loop", "1", "-i", still, "-t", "1", "-r", "10", "-vf", turned]
    subprocess.run([*command, "-pix_fmt", "yuv420p", film], check=True)


def test_the_code_of_a_tag_is_read_and_the_camera_closed(open_page: Open, alice: Api) -> None:
    page = open_page(alice)
    page.goto("/collar/add")
    page.get_by_role("button", name="Scan the pattern").click()
    expect(page.get_by_label("Claim code")).to_have_value(CODE, timeout=15_000)
    expect(page.locator("#scan-view")).to_be_hidden()
    assert page.evaluate("document.querySelector('video').srcObject") is None


def test_a_camera_that_is_refused_says_what_to_do(open_page: Open, alice: Api) -> None:
    page = open_page(alice)
    page.goto("/collar/add")
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('refused')); }")
    page.get_by_role("button", name="Scan the pattern").click()
    expect(page.locator("#scan-view")).to_contain_text("Allow it in the browser, or type the code.")
