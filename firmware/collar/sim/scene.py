"""What the simulated camera sees: a garden with a ball that rolls, the collar's name, a clock, and a code that programs read.

The two lowest rows of squares hold 52 bits, white for 1, most significant first, row by row: the moment of the picture in
ms since 1970 (44 bits) and the sum of that number's bytes (8 bits).
"""

import os
import time

from sim.jpeg import SQUARE, Encoder

CODE_BITS, CHECK_BITS = 44, 8
WHITE, BLACK = (235, 128, 128), (16, 128, 128)
SKY, GRASS, INK, BALL = (170, 150, 112), (110, 98, 110), (30, 128, 128), (200, 40, 150)
# 3 x 5 squares each; a number a row, 3 bits from the left.
FONT = {
    "0": (7, 5, 5, 5, 7), "1": (2, 6, 2, 2, 7), "2": (7, 1, 7, 4, 7), "3": (7, 1, 7, 1, 7), "4": (5, 5, 7, 1, 1),
    "5": (7, 4, 7, 1, 7), "6": (7, 4, 7, 5, 7), "7": (7, 1, 2, 2, 2), "8": (7, 5, 7, 5, 7), "9": (7, 5, 7, 1, 7),
    ":": (0, 2, 0, 2, 0), "A": (2, 5, 7, 5, 5), "B": (6, 5, 6, 5, 6), "C": (7, 4, 4, 4, 7), "D": (6, 5, 5, 5, 6),
    "E": (7, 4, 6, 4, 7), "F": (7, 4, 6, 4, 4), "G": (7, 4, 5, 5, 7), "H": (5, 5, 7, 5, 5), "I": (7, 2, 2, 2, 7),
    "J": (1, 1, 1, 5, 7), "K": (5, 5, 6, 5, 5), "L": (4, 4, 4, 4, 7), "M": (5, 7, 7, 5, 5), "N": (7, 5, 5, 5, 5),
    "O": (7, 5, 5, 5, 7), "P": (7, 5, 7, 4, 4), "Q": (7, 5, 5, 7, 1), "R": (6, 5, 6, 5, 5), "S": (7, 4, 7, 1, 7),
    "T": (7, 2, 2, 2, 2), "U": (5, 5, 5, 5, 7), "V": (5, 5, 5, 5, 2), "W": (5, 5, 7, 7, 5), "X": (5, 5, 2, 5, 5),
    "Y": (5, 5, 2, 2, 2), "Z": (7, 1, 2, 4, 7),
}  # fmt: skip


def code(ms, columns):
    """The code's rows as lists of squares."""
    total = sum(ms.to_bytes(6, "big")) & 0xFF
    number = ms << CHECK_BITS | total
    bits = [WHITE if number >> at & 1 else BLACK for at in range(CODE_BITS + CHECK_BITS - 1, -1, -1)]
    bits.extend([BLACK] * (-len(bits) % columns))
    return [bits[at : at + columns] for at in range(0, len(bits), columns)]


def write(rows, text, top, left, colour):
    """Paint `text` into the rows; what has no letter or no room is left out."""
    for letter in text.upper():
        for y, line in enumerate(FONT.get(letter, ())):
            for x in range(3):
                if line >> (2 - x) & 1 and left + x < len(rows[0]):
                    rows[top + y][left + x] = colour
        left += 4


class Scene:
    """The garden in one size."""

    def __init__(self, name, width, height):
        self.pixels = width * height
        self._columns, self._lines = width // SQUARE, height // SQUARE
        self._encoder = Encoder(width, height)
        horizon = self._lines // 2
        self._garden = [[SKY if y < horizon else GRASS] * self._columns for y in range(self._lines)]
        if self._columns >= 40:
            write(self._garden, name[:9], 1, 2, INK)

    def picture(self, ms, size):
        """The JPEG of a moment, `size` bytes at least."""
        rows = [row[:] for row in self._garden]
        if self._columns >= 40:
            write(rows, "%02d:%02d:%02d" % time.gmtime(ms // 1000)[3:6], 8, 4, INK)
        self._roll(rows, ms)
        below = code(ms, self._columns)
        rows[len(rows) - len(below) :] = below
        return self._encoder.encode(rows, size)

    def _roll(self, rows, ms):
        span = self._columns - 3
        at = ms // 100 % (2 * span)
        left = at if at < span else 2 * span - at
        for y in range(self._lines - 9, self._lines - 6):
            rows[y][left : left + 3] = [BALL] * 3


class Film:
    """A folder of JPEG files 1.jpg, 2.jpg ... shown one after another, again and again, instead of the garden."""

    def __init__(self, folder):
        self._folder, self._count, self._next = folder, len(os.listdir(folder)), 0
        self.pixels = 0

    def picture(self, ms, size):
        """The next one, whatever the moment and the size."""
        self._next = self._next % self._count + 1
        with open("%s/%d.jpg" % (self._folder, self._next), "rb") as file:
            return file.read()
