"""How much the animal moved, from acceleration at 50 Hz, in integers only.

An estimate: the formulas are the usual ones, but nothing here was validated on animals.

- `sd_mg`: standard deviation of the vector's length over the interval.
- `odba_mg`: overall dynamic body acceleration (Wilson et al., 2006): per axis the distance from a running
  mean of about 1.3 s (which stands for gravity), summed over the axes, averaged over the samples.
- `active_s`: seconds in which that sum averages `ACTIVE_MG` or more.
- `steps`: the vector's length, smoothed over 3 samples, rises by `STEP_MG` above gravity, at most one every
  0.24 s.
"""

import math

RATE_HZ = 50
ACTIVE_MG = 60
STEP_MG = 120
_STEP_GAP = 12
_GRAVITY_MG = 1000
# The running mean moves by 1/64 of the difference and keeps 6 more bits for it.
_SHIFT = 6


def isqrt(number):
    """The integer square root, rounded down. The float only makes the first guess."""
    root = int(math.sqrt(number))
    while root * root > number:
        root -= 1
    while (root + 1) * (root + 1) <= number:
        root += 1
    return root


class Activity:
    """Sums up the samples of one interval; the running mean goes on over intervals."""

    def __init__(self):
        self._mean = None
        self._smooth = [_GRAVITY_MG, _GRAVITY_MG]
        self._armed = True
        self._since_step = _STEP_GAP
        self._start()

    def _start(self):
        self._count = self._sum = self._squares = self._moved = 0
        self._second_count = self._second_moved = 0
        self._active = self._steps = 0

    def add(self, x, y, z):
        """One sample in mg."""
        length = isqrt(x * x + y * y + z * z)
        off = length - _GRAVITY_MG
        self._count += 1
        self._sum += off
        self._squares += off * off
        self._add_moved(self._dynamic(x, y, z))
        self._add_step(length)

    def _dynamic(self, x, y, z):
        mean = self._mean
        if mean is None:
            mean = self._mean = [x << _SHIFT, y << _SHIFT, z << _SHIFT]
        total = 0
        for axis, value in enumerate((x, y, z)):
            mean[axis] += value - (mean[axis] >> _SHIFT)
            total += abs(value - (mean[axis] >> _SHIFT))
        return total

    def _add_moved(self, moved):
        self._moved += moved
        self._second_moved += moved
        self._second_count += 1
        if self._second_count == RATE_HZ:
            if self._second_moved >= ACTIVE_MG * RATE_HZ:
                self._active += 1
            self._second_count = self._second_moved = 0

    def _add_step(self, length):
        older, old = self._smooth
        above = (older + old + length) // 3 - _GRAVITY_MG
        self._smooth = [old, length]
        self._since_step += 1
        if above < STEP_MG // 3:
            self._armed = True
        elif self._armed and above >= STEP_MG and self._since_step > _STEP_GAP:
            self._armed = False
            self._since_step = 0
            self._steps += 1

    def take(self, interval_ms):
        """The summary as a dict, or None without samples; begins the next one.

        Samples that the sensor's buffer lost are made good in proportion to the interval.
        """
        count = self._count
        if not count:
            return None
        variance = (self._squares * count - self._sum * self._sum) // (count * count)
        seen_ms = max(count * 1000 // RATE_HZ, 1)
        share = interval_ms if interval_ms > seen_ms else seen_ms
        found = {
            "sd_mg": isqrt(variance),
            "odba_mg": self._moved // count,
            "active_s": self._active * share // seen_ms,
            "steps": self._steps * share // seen_ms,
        }
        self._start()
        return found
