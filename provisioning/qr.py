"""QR codes by the hundred, small enough to lie beside the text that they say."""

from itertools import groupby

import qrcode

# Any of the eight masks can be read. The library would draw all and keep the one with the nicest spread, which takes
# eight times as long.
MASK = 3


def drawing(text: str) -> tuple[int, str]:
    """The side of the square in modules, quiet zone included, and the path of an SVG, to be stroked 1 wide."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, mask_pattern=MASK)
    code.add_data(text)
    code.make()
    rows = code.get_matrix()
    return len(rows), "".join(_row(y, row) for y, row in enumerate(rows))


def _row(y: int, row: list[bool]) -> str:
    """One line of the drawing: `M` to where dark modules begin, `h` as many as follow each other."""
    parts, x = [], 0
    for dark, run in groupby(row):
        length = len(list(run))
        if dark:
            parts.append(f"M{x} {y}.5h{length}")
        x += length
    return "".join(parts)
