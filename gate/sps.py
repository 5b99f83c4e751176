"""The size of the pictures that an H.264 sequence parameter set announces (ITU-T H.264, 7.3.2.1.1)."""

# Profiles whose parameter sets tell of chroma, depth and scaling, too.
HIGH = frozenset((44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244))
LONGEST = 1024  # bytes
MACROBLOCK = 16


class BadSps(Exception):
    """Bytes that are no sequence parameter set."""


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


def pixels_of(nal: bytes) -> int:
    """Coded width x height of the pictures, cropping left aside. Raises BadSps."""
    if not 4 <= len(nal) <= LONGEST or nal[0] & 0x1F != 7:
        raise BadSps("no SPS")
    bits = _Bits(nal[1:].replace(b"\0\0\3", b"\0\0"))
    profile = bits.u(8)
    bits.u(16)
    bits.ue()
    if profile in HIGH:
        _skip_high(bits)
    bits.ue()
    _skip_order(bits)
    bits.ue()
    bits.u(1)
    wide, high = bits.ue() + 1, bits.ue() + 1
    return wide * MACROBLOCK * high * MACROBLOCK * (2 - bits.u(1))


def _skip_high(bits: _Bits) -> None:
    """Chroma, depth and scaling matrices."""
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    bits.ue()
    bits.ue()
    bits.u(1)
    if bits.u(1):
        for number in range(8 if chroma != 3 else 12):
            if bits.u(1):
                _skip_matrix(bits, 16 if number < 6 else 64)


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
