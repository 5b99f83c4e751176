"""Video messages looked at before anything decodes them: JPEG as collars send it, H.264 as encoders do.

The formats: Adobe Flash Video 10.1, annex E.4.3 (what is around); ITU-T T.81, annex B (JPEG); ISO/IEC 14496-15, 5.2.4.1
and ITU-T H.264, 7.3.2.1.1 (H.264).
"""

import re
from dataclasses import dataclass

from gate import limits
from gate.sps import CHROMA_420, BadSps, shape_of

JPEG, H264 = 1, 7  # codec ids; the first is Hetri's use of "JPEG (currently unused)"
COMMAND_FRAME = 5
ENHANCED = 0x80  # Enhanced RTMP: a FourCC names the codec (HEVC, AV1, VP9)
CONFIGURATION, NAL_UNITS, END = 0, 1, 2
NAL_SPS = 7
DELIMITER = b"\x09\xf0"
DEPTH = 8  # bits a sample; no browser shows more, or more colour than 4:2:0
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
SEQUENTIAL = (0xC0, 0xC1)  # progressive ones decode as often as they have scans: minutes for 1 MB
TABLES = frozenset((0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)))  # Huffman, quantization, restart, comment, APPn
SEGMENTS, SCANS = 64, 4
# Markers that begin something else within the picture's data.
AGAIN = re.compile(rb"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf\xd8]")


class BadPicture(Exception):
    """One that nothing behind us shall see."""


class Unplayable(Exception):
    """One that is well, and of a kind that browsers do not show."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a video message holds. `shown` is False for an encoder's configuration."""

    codec: int
    pixels: int
    shown: bool = True


class Examiner:
    """Looks at a publisher's video messages, one after the other: H.264 builds on what came before."""

    def __init__(self) -> None:
        self._size_bytes = 0  # of a NAL unit's length; 0 while there is no configuration
        self._pixels = 0

    def examine(self, body: bytes) -> Picture | None:
        """What it is; None for what is no picture and may go. Raises BadPicture and Unplayable."""
        if not body or body[0] >> 4 == COMMAND_FRAME:
            return None
        if body[0] & ENHANCED:
            raise Unplayable("an enhanced codec")
        codec = body[0] & 0x0F
        if codec == JPEG:
            return Picture(JPEG, jpeg_pixels(body, 1))
        if codec == H264:
            return self._h264(body)
        raise Unplayable(f"codec {codec}")

    def _h264(self, body: bytes) -> Picture | None:
        if len(body) < 5 or body[1] > END:
            raise BadPicture("an H.264 message cut off")
        if body[1] == END:
            return None
        if body[1] == CONFIGURATION:
            self._configure(body[5:])
            return Picture(H264, self._pixels, shown=False)
        self._walk(body)
        return Picture(H264, self._pixels)

    def _configure(self, record: bytes) -> None:
        """An AVCDecoderConfigurationRecord: the SPS in it say how large the pictures are."""
        if len(record) < 7 or record[0] != 1:
            raise BadPicture("no configuration")
        size = (record[4] & 3) + 1
        sets, at = _parameter_sets(record, 6, record[5] & 0x1F)
        if not sets or at >= len(record) or size == 3:
            raise BadPicture("no configuration")
        _parameter_sets(record, at + 1, record[at])
        self._pixels = max(_sps_pixels(one) for one in sets)
        self._size_bytes = size

    def delimiter(self) -> bytes:
        """A message of H.264 with nothing to see: an access unit delimiter (ITU-T H.264, 7.3.2.4)."""
        return b"\x27\1\0\0\0" + len(DELIMITER).to_bytes(self._size_bytes, "big") + DELIMITER

    def _walk(self, body: bytes) -> None:
        """Each NAL unit's length, up to the very end."""
        if not self._size_bytes:
            raise BadPicture("a picture before its configuration")
        at, count = 5, 0
        while at < len(body):
            start = at + self._size_bytes
            at, count = start + int.from_bytes(body[at:start], "big"), count + 1
            if at > len(body) or at == start or count > limits.NALS:
                raise BadPicture("NAL units that do not add up")
            if body[start] & 0x1F == NAL_SPS:
                _sps_pixels(body[start:at])


def _parameter_sets(record: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """(so many sets from `at` on, where the next part begins)."""
    found = []
    for _ in range(count):
        start = at + 2
        end = start + int.from_bytes(record[at:start], "big")
        if end == start or end > len(record):
            raise BadPicture("no configuration")
        found.append(record[start:end])
        at = end
    return found, at


def _sps_pixels(sps: bytes) -> int:
    try:
        shape = shape_of(sps)
    except BadSps as error:
        raise BadPicture("an SPS that cannot be read") from error
    if not 0 < shape.pixels <= limits.LARGEST_PIXELS:
        raise BadPicture(f"{shape.pixels} pixels")
    rich = shape.chroma > CHROMA_420 or shape.depth > DEPTH
    if shape.depth > limits.RICH_DEPTH or (rich and shape.pixels > limits.RICH_PIXELS):
        raise Unplayable(f"chroma {shape.chroma}, {shape.depth} bit")
    return shape.pixels


def jpeg_pixels(data: bytes, at: int) -> int:
    """Width x height of the JPEG that begins at `at`. Raises BadPicture for one that is odd, or too large."""
    if data[at : at + 2] != b"\xff\xd8":
        raise BadPicture("no JPEG")
    at, pixels = at + 2, 0
    for _ in range(SEGMENTS):
        marker, start, end = _segment(data, at)
        if marker == START_OF_SCAN:
            _require_plain(data, end)
            break
        if marker in SEQUENTIAL and not pixels:
            pixels = _frame_pixels(data[start:end])
        elif marker not in TABLES:
            raise BadPicture(f"marker {marker:x}")
        at = end
    if not pixels or marker != START_OF_SCAN:
        raise BadPicture("no frame")
    return pixels


def _segment(data: bytes, at: int) -> tuple[int, int, int]:
    """(marker, where its parameters begin, where they end)."""
    while data[at : at + 2] == b"\xff\xff":  # fill bytes
        at += 1
    head = data[at : at + 4]
    length = int.from_bytes(head[2:4], "big")
    end = at + 2 + length
    if len(head) < 4 or head[0] != 0xFF or length < 2 or end > len(data):
        raise BadPicture("a segment that does not add up")
    return head[1], at + 4, end


def _frame_pixels(frame: bytes) -> int:
    """Of the parameters of a start of frame (B.2.2)."""
    if len(frame) < 6 or frame[0] != 8 or frame[5] not in (1, 3) or len(frame) != 6 + 3 * frame[5]:
        raise BadPicture("a frame of another kind")
    pixels = int.from_bytes(frame[1:3], "big") * int.from_bytes(frame[3:5], "big")
    if not 0 < pixels <= limits.LARGEST_PIXELS:
        raise BadPicture(f"{pixels} pixels")
    return pixels


def _require_plain(data: bytes, at: int) -> None:
    """One picture, in a few scans at most."""
    if AGAIN.search(data, at) or data.count(b"\xff\xda", at) >= SCANS:
        raise BadPicture("more than one picture, or too many scans")
