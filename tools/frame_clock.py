"""Reads the moment out of the simulated camera's picture: see firmware/collar/sim/scene.py."""

SQUARE = 16
CODE_BITS, CHECK_BITS = 44, 8
LIGHT = 128


def moment_of(gray: bytes, width: int, height: int) -> int | None:
    """The moment (ms since 1970) in a picture of 8-bit gray, row by row; None if the code is not whole."""
    columns = width // SQUARE
    rows = -(-(CODE_BITS + CHECK_BITS) // columns)
    top = (height // SQUARE - rows) * SQUARE
    number = 0
    for at in range(CODE_BITS + CHECK_BITS):
        x, y = at % columns * SQUARE + SQUARE // 2, top + at // columns * SQUARE + SQUARE // 2
        number = number << 1 | (gray[y * width + x] > LIGHT)
    moment, check = number >> CHECK_BITS, number & (1 << CHECK_BITS) - 1
    return moment if sum(moment.to_bytes(6, "big")) & 0xFF == check else None
