"""An owner's browser that watches, and how old its picture is: the simulated camera paints a code into each."""

import time

from playwright.sync_api import Browser, BrowserType, Page, expect

from tools.testing import Json

# The lowest two rows of squares of 16 pixels: 44 bits of ms since 1970, then 8 bits of the sum of their bytes.
_AGE = """(selector) => {
  const picture = document.querySelector(selector), canvas = document.createElement("canvas");
  canvas.width = 640; canvas.height = 480;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0, 640, 480);
  let number = 0n;
  for (let bit = 0; bit < 52; bit += 1) {
    const pixel = context.getImageData(bit % 40 * 16 + 8, 448 + Math.floor(bit / 40) * 16 + 8, 1, 1).data;
    number = number << 1n | (pixel[0] > 128 ? 1n : 0n);
  }
  const moment = number >> 8n;
  let sum = 0n;
  for (let rest = moment; rest; rest >>= 8n) sum += rest & 255n;
  return moment && (sum & 255n) === (number & 255n) ? (Date.now() - Number(moment)) / 1000 : null;
}"""


def launch(chromium: BrowserType) -> Browser:
    """A Chromium that plays without having been touched."""
    flags = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
    return chromium.launch(executable_path="/usr/bin/chromium", args=flags)


def sign_in(browser: Browser, demo: Json) -> Page:
    """Home of the demo's owner; `demo` is demo.json."""
    context = browser.new_context(base_url=demo["url"], ignore_https_errors=True, service_workers="block")
    page = context.new_page()
    page.goto("/account/login")
    page.get_by_label("E-mail").fill(demo["owner"]["email"])
    page.get_by_label("Password").fill(demo["owner"]["password"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    return page


def wait_live(page: Page, state: str = "") -> None:
    """Until the player is live, in that state of its attributes too, such as `[data-fast="on"]`."""
    expect(page.locator(f'#player{state}[data-state="live"]')).to_be_visible(timeout=20_000)


def ages(page: Page, selector: str, seconds: float) -> list[float]:
    """From lens to page in s, ten times a second for so long; what cannot be read is left out.

    The browser's clock and the camera's are the same machine's.
    """
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        age = page.evaluate(_AGE, selector)
        if age is not None:
            found.append(float(age))
        page.wait_for_timeout(100)
    return found
