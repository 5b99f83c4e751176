"""How old the picture in a browser is, from the code that the simulated camera paints into it."""

import time
from typing import Any

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


def ages(page: Any, selector: str, seconds: float) -> list[float]:
    """From lens to page in s, ten times a second for so long; what cannot be read is left out.

    `page` is Playwright's. Its clock and the camera's are the same machine's.
    """
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        age = page.evaluate(_AGE, selector)
        if age is not None:
            found.append(float(age))
        page.wait_for_timeout(100)
    return found
