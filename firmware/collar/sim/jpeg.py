"""A tiny JPEG encoder for pictures of flat squares of 16 x 16 pixels (ITU-T T.81, baseline, 4:2:0).

A square is one MCU whose coefficients are all DC, so a row is a handful of bits, and with a restart marker after each few
squares (B.2.4.4) every piece stands for itself: pieces are made once and joined.
"""

import struct

SQUARE = 16
PIECE = 5  # squares from one restart marker to the next; divides the squares of a row in 320, 640 and 800 pixels
KEPT_PIECES = 600
# Quantizer 8: a quantized DC coefficient is the mean of its block, less 128 (A.3.3, A.3.4).
QUANTIZER = 8
# DC difference categories 0 to 8 with the codes of table K.3; the only AC code is end of block, one bit.
DC_COUNTS = bytes((0, 1, 5, 1, 1, 1, 1, 1, 1)) + bytes(7)
DC_CODES = ((0, 2), (2, 3), (3, 3), (4, 3), (5, 3), (6, 3), (14, 4), (30, 5), (62, 6), (126, 7), (254, 8))
AC_COUNTS = bytes((1,)) + bytes(15)


def _segment(marker, body):
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def _head(width, height):
    quantizers = _segment(0xDB, bytes((0,)) + bytes((QUANTIZER,)) * 64)
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes((1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0))
    dc = _segment(0xC4, bytes((0x00,)) + DC_COUNTS + bytes(range(sum(DC_COUNTS))))
    ac = _segment(0xC4, bytes((0x10,)) + AC_COUNTS + bytes((0,)))
    scan = _segment(0xDA, bytes((3, 1, 0, 2, 0, 3, 0, 0, 63, 0)))
    jfif = _segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
    restarts = _segment(0xDD, struct.pack(">H", PIECE))
    return b"\xff\xd8" + jfif, quantizers + _segment(0xC0, frame) + dc + ac + restarts + scan


def _comments(size):
    """Segments that a decoder skips, `size` bytes in all."""
    parts = []
    while size >= 4:
        length = min(size - 4, 60_000)
        parts.append(_segment(0xFE, bytes(length)))
        size -= length + 4
    return b"".join(parts)


def _difference(bits, value):
    """Append one DC difference and the end of its block to `bits`, a (number, count)."""
    number, count = bits
    size, rest = 0, abs(value)
    while rest:
        size, rest = size + 1, rest >> 1
    code, length = DC_CODES[size]
    extra = value if value >= 0 else value + (1 << size) - 1
    return ((number << length | code) << size | extra) << 1, count + length + size + 1


def _piece(colours):
    """The bytes of a few squares, as (Y, Cb, Cr) each."""
    bits, before = (0, 0), (128, 128, 128)
    for colour in colours:
        bits = _difference(bits, colour[0] - before[0])
        for _ in range(3):
            bits = _difference(bits, 0)
        bits = _difference(bits, colour[1] - before[1])
        bits = _difference(bits, colour[2] - before[2])
        before = colour
    number, count = bits
    fill = -count % 8
    number = number << fill | (1 << fill) - 1
    return number.to_bytes((count + fill) // 8, "big").replace(b"\xff", b"\xff\x00")


class Encoder:
    """Encodes canvases of one size."""

    def __init__(self, width, height):
        self._start, self._head = _head(width, height)
        self._pieces = {}

    def encode(self, rows, size=0):
        """The JPEG of `rows`, lists of (Y, Cb, Cr), filled up to `size` bytes as a camera's picture would have."""
        scan, number = [], 0
        for row in rows:
            for at in range(0, len(row), PIECE):
                scan.append(self._known(tuple(row[at : at + PIECE])))
                scan.append(bytes((0xFF, 0xD0 + number % 8)))
                number += 1
        scan[-1] = b"\xff\xd9"
        body = b"".join(scan)
        return b"".join((self._start, _comments(size - len(body) - len(self._head)), self._head, body))

    def _known(self, colours):
        piece = self._pieces.get(colours)
        if piece is None:
            if len(self._pieces) >= KEPT_PIECES:
                self._pieces.clear()
            piece = self._pieces[colours] = _piece(colours)
        return piece
