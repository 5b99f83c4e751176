"""Neighbours in a row of numbers: a chart draws a run of empty slots as one gap, a run of known ones as one line."""

from collections.abc import Iterable, Iterator
from itertools import groupby


def runs_of(numbers: Iterable[int]) -> Iterator[list[int]]:
    """The numbers, ascending, cut where one is missing: 1 2 3 7 8 is 1 2 3 and 7 8."""
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        yield [number for _, number in run]
