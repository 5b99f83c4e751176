"""What an H.264 sequence parameter set announces of the pictures (ITU-T H.264, 7.3.2.1.1)."""

from typing import NamedTuple

# Profiles whose parameter sets tell of chroma, depth and scaling, too.
HIGH = frozenset((44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244))
LONGEST = 1024  # bytes
MACROBLOCK = 16
CHROMA_420, CHROMA_444 = 1, 3  # chroma_format_idc (table 6-1); 0 is grey


class BadSps(Exception):
    """Bytes that are no sequence parameter set."""


class Shape(NamedTuple):
    """`pixels` is the coded width x height, cropping left aside; `chroma` chroma_format_idc, `depth` bits a sample."""

    pixels: int
    chroma: int
    depth: int


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def u(self, count: int) -> int:
        """An unsigned number of so many bits."""
        self._left -= count
        if self._left < 0:
            raise BadSps("cut off")
        return self._value >> self._left & (1 << count) - 1

    def ue(self) -> int:
        """Exp-Golomb (9.1)."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise BadSps("a number too large")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """The same, signed."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def shape_of(nal: bytes) -> Shape:
    """Of the pictures that follow. Raises BadSps."""
    if not 4 <= len(nal) <= LONGEST or nal[0] & 0x1F != 7:
        raise BadSps("no SPS")
    bits = _Bits(nal[1:].replace(b"\0\0\3", b"\0\0"))
    profile = bits.u(8)
    bits.u(16)
    bits.ue()
    chroma, depth = _read_high(bits) if profile in HIGH else (CHROMA_420, 8)
    bits.ue()
    _skip_order(bits)
    bits.ue()
    bits.u(1)
    wide, high = bits.ue() + 1, bits.ue() + 1
    return Shape(wide * MACROBLOCK * high * MACROBLOCK * (2 - bits.u(1)), chroma, depth)


def _read_high(bits: _Bits) -> tuple[int, int]:
    """(chroma_format_idc, the larger bit depth); scaling matrices are skipped."""
    chroma = bits.ue()
    if chroma == CHROMA_444:
        bits.u(1)
    depth = 8 + max(bits.ue(), bits.ue())
    bits.u(1)
    if bits.u(1):
        for number in range(8 if chroma != CHROMA_444 else 12):
            if bits.u(1):
                _skip_matrix(bits, 16 if number < 6 else 64)
    return chroma, depth


def _skip_matrix(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_order(bits: _Bits) -> None:
    """How pictures are put in order."""
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.u(1)
        bits.se()
        bits.se()
        count = bits.ue()
        if count > 255:
            raise BadSps("a cycle too long")
        for _ in range(count):
            bits.se()
