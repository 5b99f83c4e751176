"""What a picture may cost, and what becomes of every kind of file."""

import contextlib
import io
import random
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageDraw

from core.errors import Invalid
from pets import decode, pictures
from pets.decode import SIDE
from pets.pictures import Busy, TooLargePicture, square
from tools.testing import WHOLE

LATE_S = 0.2
MUTANTS = 30 if WHOLE else 12


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def header_of(width: int, height: int) -> bytes:
    """69 bytes that claim to be a PNG of this size."""
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(5))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def made_of(content: bytes) -> Image.Image:
    """The stored square."""
    made = Image.open(io.BytesIO(square(io.BytesIO(content))))
    assert (made.format, made.size, made.mode, dict(made.getexif())) == ("WEBP", (SIDE, SIDE), "RGB", {})
    return made


def near(made: Image.Image, colour: tuple[int, int, int], at: tuple[int, int] = (SIDE // 2, SIDE // 2)) -> bool:
    found = made.getpixel(at)
    assert isinstance(found, tuple)
    return all(abs(there - wanted) < 24 for there, wanted in zip(found, colour, strict=True))


@pytest.fixture
def few_bounds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`few_bounds(WAIT_S=1)` sets bounds of this process."""

    def change(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setattr(pictures, name, value)

    return change


def peak_kb() -> int:
    facts = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(facts["VmHWM"].split()[0])


def test_the_process_that_asks_does_not_grow_by_a_picture() -> None:
    content = encoded(Image.new("RGBA", (4400, 4400), "navy"))
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak
    before = peak_kb()
    assert near(made_of(content), (0, 0, 128))
    assert peak_kb() - before < 15_000  # decoded it is 77 MB


def test_ten_at_once_are_decoded_one_by_one(few_bounds: Callable[..., None]) -> None:
    few_bounds(WAIT_S=120, _room=threading.BoundedSemaphore(10))
    content = encoded(Image.new("RGBA", (1500, 1500), "navy"))
    most_at_once, ended = 0, threading.Event()

    def look() -> None:
        nonlocal most_at_once
        while not ended.wait(0.005):
            now = sum("decode.py" in words for words in _children())
            most_at_once = max(most_at_once, now)

    looking = threading.Thread(target=look)
    looking.start()
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda _: square(io.BytesIO(content)), range(10)))
    ended.set()
    looking.join()
    assert (len(made), most_at_once) == (10, 1)


def _children() -> list[str]:
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the thread or the process has ended meanwhile
            for pid in (task / "children").read_text().split():
                found.append(Path(f"/proc/{pid}/cmdline").read_text())
    return found


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (7_071, 7_071), (2**31 - 1, 1), (65_535, 65_535)])
def test_a_header_of_too_many_pixels_is_refused_before_one_is_decoded(width: int, height: int) -> None:
    with pytest.raises(TooLargePicture):
        square(io.BytesIO(header_of(width, height)))


def test_what_would_take_too_much_memory_is_refused() -> None:
    progressive = encoded(Image.new("RGB", (12_900, 12_900), "navy"), "JPEG", progressive=True)
    with pytest.raises(Invalid):
        square(io.BytesIO(progressive))


def test_what_takes_too_much_cpu_is_refused(few_bounds: Callable[..., None]) -> None:
    """A progressive JPEG of a thousand refinements: a few bytes each, and the whole picture is gone through again."""
    content = encoded(Image.new("L", (4_000, 3_000), 77), "JPEG", progressive=True)
    scans = content.rindex(b"\xff\xda")
    dear = content[:scans] + content[scans:-2] * 20_000 + content[-2:]
    few_bounds(DEADLINE_S=120)
    with pytest.raises(Invalid):
        square(io.BytesIO(dear[: decode.MAX_BYTES]))


def test_a_phones_200_megapixels_become_a_square() -> None:
    assert near(made_of(encoded(Image.new("RGB", (16_320, 12_240), "navy"), "JPEG")), (0, 0, 128))


@pytest.mark.parametrize(
    ("kind", "make", "colour"),
    [
        ("PNG", lambda: Image.new("I;16", (60, 40), 30_000), (117, 117, 117)),  # 16 bits of grey: not all white
        ("PNG", lambda: Image.new("RGBA", (60, 40), (0, 0, 0, 0)), (255, 255, 255)),
        ("PNG", lambda: Image.new("LA", (60, 40), (0, 0)), (255, 255, 255)),
        ("PNG", lambda: Image.new("1", (60, 40), 1), (255, 255, 255)),
        ("PNG", lambda: Image.new("RGB", (60, 40), "navy").convert("P"), (0, 0, 128)),
        ("JPEG", lambda: Image.new("L", (60, 40), 99), (99, 99, 99)),
        ("JPEG", lambda: Image.new("CMYK", (60, 40), (0, 255, 255, 0)), (255, 0, 0)),
        ("WEBP", lambda: Image.new("RGBA", (60, 40), (0, 0, 0, 0)), (255, 255, 255)),
        ("MPO", lambda: Image.new("RGB", (60, 40), "navy"), (0, 0, 128)),
        ("PNG", lambda: Image.new("RGB", (1, 1), "navy"), (0, 0, 128)),
        ("PNG", lambda: Image.new("RGB", (9_000, 2), "navy"), (0, 0, 128)),
    ],
)
def test_every_kind_of_pixel_keeps_its_colour(
    kind: str, make: Callable[[], Image.Image], colour: tuple[int, int, int]
) -> None:
    assert near(made_of(encoded(make(), kind)), colour)


def test_a_palette_with_transparency_lies_on_white() -> None:
    image = Image.new("P", (60, 40), 0)
    image.putpalette([200, 0, 0, 0, 0, 128])
    assert near(made_of(encoded(image, transparency=0)), (255, 255, 255))


@pytest.mark.parametrize(("clear", "shade"), [(5, 117), (30_000, 255)])
def test_grey_of_16_bits_is_clear_in_one_shade_only(clear: int, shade: int) -> None:
    made = made_of(encoded(Image.new("I;16", (60, 40), 30_000), transparency=clear))
    assert near(made, (shade, shade, shade))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_a_moving_picture_the_first_is_taken(kind: str) -> None:
    first, second = Image.new("RGB", (60, 40), "navy"), Image.new("RGB", (60, 40), "red")
    assert near(made_of(encoded(first, kind, save_all=True, append_images=[second])), (0, 0, 128))


@pytest.mark.parametrize("turn", range(1, 9))
def test_it_stands_upright_however_the_camera_was_held(turn: int) -> None:
    image = Image.new("RGB", (600, 600), "white")
    ImageDraw.Draw(image).rectangle((0, 0, 299, 299), fill="navy")  # top left in the file
    exif = Image.Exif()
    exif[decode.ORIENTATION] = turn
    # Where EXIF 2.32 says that row 0 and column 0 are to be seen.
    left, top = turn in (1, 4, 5, 8), turn in (1, 2, 5, 6)
    seen = (100 if left else SIDE - 100, 100 if top else SIDE - 100)
    assert near(made_of(encoded(image, "JPEG", exif=exif)), (0, 0, 128), seen)


def test_a_colour_profile_is_applied_and_a_broken_one_is_none() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, lab, b"no profile", srgb[:200]):
        assert near(made_of(encoded(Image.new("RGB", (60, 40), "navy"), icc_profile=profile)), (0, 0, 128))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_file_cut_anywhere_is_refused_or_taken_and_nothing_else(kind: str) -> None:
    content = encoded(Image.effect_noise((300, 200), 60).convert("RGB"), kind)
    for part in range(0, len(content), max(1, len(content) // 15)):
        _taken_or_refused(content[:part])


def test_mutants_are_taken_or_refused_and_nothing_else() -> None:
    chance = random.Random(1)
    noise = Image.effect_noise((300, 200), 60)
    seeds = [encoded(noise.convert("RGBA"), "PNG"), encoded(noise, "JPEG", progressive=True), encoded(noise, "WEBP")]
    for number in range(MUTANTS):
        mutant = bytearray(seeds[number % len(seeds)])
        for _ in range(chance.choice((1, 2, 8))):
            at = chance.randrange(min(len(mutant), chance.choice((60, 400, len(mutant)))))
            mutant[at : at + chance.choice((0, 1, 4))] = chance.randbytes(chance.choice((1, 4, 20)))
        _taken_or_refused(bytes(mutant))


def _taken_or_refused(content: bytes) -> None:
    with contextlib.suppress(Invalid):  # 400, and nothing else
        made_of(content)


@pytest.mark.parametrize(
    "content",
    [
        header_of(0, 0),
        header_of(0, 5),
        b"\xff\xd8\xff\xe0",
        b"RIFF\x04\0\0\0WEBP",
        b"BM" + bytes(60),
        b"II*\0\x08\0\0\0",
    ],
    ids=["no_pixels", "no_columns", "jpeg_head", "webp_head", "bmp", "tiff"],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        square(io.BytesIO(content))


def test_who_waits_too_long_is_told_to_come_again(few_bounds: Callable[..., None]) -> None:
    few_bounds(WAIT_S=LATE_S)
    with pictures._turn, pytest.raises(Busy) as refused:
        square(io.BytesIO(header_of(1, 1)))
    assert (refused.value.status, refused.value.retry_after) == (503, 5)


def test_only_so_many_may_wait(few_bounds: Callable[..., None]) -> None:
    few_bounds(_room=threading.BoundedSemaphore(1), WAIT_S=60)
    with pictures._room, pytest.raises(Busy):
        square(io.BytesIO(header_of(1, 1)))


@pytest.mark.parametrize("command", [["sleep", "60"], ["/nowhere/at/all"]], ids=["late", "no_process"])
def test_a_decoder_that_is_late_or_cannot_start_is_busy(few_bounds: Callable[..., None], command: list[str]) -> None:
    few_bounds(DECODE=command, DEADLINE_S=LATE_S)
    with pytest.raises(Busy):
        square(io.BytesIO(header_of(1, 1)))
    assert not any("sleep" in words for words in _children())


def test_a_decoder_that_is_killed_has_refused_and_the_next_one_works(few_bounds: Callable[..., None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "DECODE", ["sh", "-c", "kill -SEGV $$"])
        with pytest.raises(Invalid):
            square(io.BytesIO(header_of(1, 1)))
    made_of(encoded(Image.new("RGB", (60, 40), "navy")))


def test_the_decoder_holds_nothing_of_the_process_that_asks() -> None:
    told = "import os,sys; sys.stdout.write(repr((dict(os.environ).keys() - {'LC_CTYPE'}, sorted(os.listdir('/proc/self/fd')))))"
    done = subprocess.run([sys.executable, "-I", "-c", told], capture_output=True, text=True, check=True, env={})
    assert done.stdout.startswith("(set(), ['0', '1', '2'")
    assert "hetri" not in Path(decode.__file__).read_text().replace("Hetri", "")
