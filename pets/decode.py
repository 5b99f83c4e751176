"""Makes a small square of a picture, in a process of its own: stdin is the file, stdout the WebP.

python -I pets/decode.py < FILE > SQUARE        exit code 0, or one of REFUSED and TOO_LARGE

What comes in is anybody's, and it is read by C. So nothing of Hetri is here to be taken: no settings, no connection,
no open file, and the kernel holds the process to LIMITS before the first byte is looked at. Any other end (a signal)
is a refusal as well. Imports nothing of Hetri: that would cost more time than the picture.
"""

import os
import resource
import sys
from contextlib import suppress
from io import BytesIO

from PIL import Image, ImageCms, ImageOps

SIDE = 512  # pixels; the largest that a page shows is 184, at three to one
MAX_BYTES = 12_000_000
# Megapixels by format, what MEMORY has room for. A JPEG is read at an eighth of its size, so that the 200 of the
# largest phone cost 12 MB; the others are decoded as a whole, a PNG at up to 8 bytes a pixel, a WebP at up to 20.
MOST_MEGAPIXELS = {"JPEG": 256, "MPO": 256, "PNG": 20, "WEBP": 12.5}
FORMATS = ("JPEG", "PNG", "WEBP")  # MPO is a JPEG that holds more than one
QUALITY = 82
REFUSED, TOO_LARGE = 3, 4
MEMORY = 320 * 1024 * 1024  # bytes of address space; the interpreter with Pillow has 37 MB
CPU_S = 4  # the slowest of what is taken needs 1 s (docs/decisions/pet-pictures.md)
LIMITS = {
    resource.RLIMIT_AS: MEMORY,
    resource.RLIMIT_CPU: CPU_S,
    resource.RLIMIT_FSIZE: 1_000_000,  # of what it writes: such a square has 150 KB at most
    resource.RLIMIT_CORE: 0,
}
ORIENTATION = 0x0112  # EXIF 2.32, 4.6.4 A
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class TooLarge(Exception):
    """More pixels than are decoded."""


def main() -> int:
    """Decode what stands in the input; the exit code."""
    for limit, most in LIMITS.items():
        resource.setrlimit(limit, (most, most))
    os.nice(5)  # a treat comes before a picture
    try:
        sys.stdout.buffer.write(square(sys.stdin.buffer.read(MAX_BYTES + 1)))
        sys.stdout.buffer.flush()
    except (TooLarge, MemoryError):
        return TOO_LARGE
    except Exception:  # Pillow's plug-ins raise whatever their parsing meets
        return REFUSED
    return 0


def square(content: bytes) -> bytes:
    """A WebP of SIDE x SIDE pixels, cut from the middle, upright, in sRGB, on white, without metadata.

    Raises TooLarge before the first pixel is decoded, and whatever Pillow raises for what is no picture.
    """
    Image.MAX_IMAGE_PIXELS = None  # ours are the bounds, by format
    with Image.open(BytesIO(content), formats=FORMATS) as opened:
        require_bounded(opened)
        opened.draft(None, (SIDE * 2, SIDE * 2))
        turn, profile = _turn(opened), opened.info.get("icc_profile")
        small = ImageOps.fit(_as_light(opened), (SIDE, SIDE))
    small = _in_srgb(_on_white(small), profile)
    if turn is not None:
        small = small.transpose(turn)
    # A new image: what the old one carried beside its pixels stays behind.
    clean, out = Image.new("RGB", small.size), BytesIO()
    clean.paste(small)
    clean.save(out, "WEBP", quality=QUALITY)
    return out.getvalue()


def require_bounded(opened: Image.Image) -> None:
    """Look at the header's size. Raises TooLarge."""
    if opened.width * opened.height > MOST_MEGAPIXELS[str(opened.format)] * 1_000_000:
        raise TooLarge


def _turn(opened: Image.Image) -> Image.Transpose | None:
    """How the camera was held. A broken note of it is none: a browser shows that picture, too."""
    with suppress(Exception):
        return TURNS.get(opened.getexif().get(ORIENTATION, 1))
    return None


def _as_light(opened: Image.Image) -> Image.Image:
    """In a mode of which an average is a colour: no palettes, no single bits, no 16 bits (they would all be white)."""
    if opened.mode.startswith("I"):
        opened = _of_8_bits(opened)
    if opened.has_transparency_data:
        return opened.convert("RGBA")
    return {"P": lambda: opened.convert("RGB"), "1": lambda: opened.convert("L")}.get(opened.mode, lambda: opened)()


def _of_8_bits(opened: Image.Image) -> Image.Image:
    """Grey of 16 bits in 8, and so the one shade of it that is to be clear."""
    clear = opened.info.pop("transparency", None)
    light = opened.point(lambda value: value * (1 / 256)).convert("L")
    if isinstance(clear, int):
        light.info["transparency"] = clear >> 8
    return light


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """By its colour profile, where it has one that fits its pixels."""
    if profile:
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            given = ImageCms.ImageCmsProfile(BytesIO(profile))
            found = ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return found or image.convert("RGB")
    return image.convert("RGB")


if __name__ == "__main__":
    sys.exit(main())
