"""Activity of an interval out of 50 Hz acceleration, in integers of a thousandth g. Not validated on animals: an estimate.

- sd_mg: standard deviation of |a| over the interval.
- odba_mg: overall dynamic body acceleration, the mean of |x - mean x| + |y - mean y| + |z - mean z|, the mean
  taken over the last seconds (Wilson et al. 2006, doi:10.1111/j.1365-2656.2006.01127.x).
- active_s: seconds in which the standard deviation of |a| is above ACTIVE_MG.
- steps: upward crossings of |a| through its mean + STEP_MG, at least STEP_GAP samples apart.
"""

RATE_HZ = 50
ACTIVE_MG = 50
STEP_MG = 120
STEP_GAP = 12  # samples: 4 steps a second at the most
SMOOTH = 6  # the running mean moves by 1/64 of the difference: about a second and a quarter


def isqrt(value):
    """The integer square root (Newton)."""
    if value < 2:
        return value
    guess = 1 << ((len(bin(value)) - 1) // 2)
    while True:
        better = (guess + value // guess) >> 1
        if better >= guess:
            return guess
        guess = better


class Activity:
    """Feed it samples, take a summary at the end of each interval."""

    def __init__(self):
        self._mean = None
        self._reset()

    def add(self, x, y, z):
        """One sample in mg."""
        size = isqrt(x * x + y * y + z * z)
        if self._mean is None:
            self._mean = [x << SMOOTH, y << SMOOTH, z << SMOOTH, size << SMOOTH]
        mean = self._mean
        for axis, value in enumerate((x, y, z)):
            self._odba += abs(value - (mean[axis] >> SMOOTH))
            mean[axis] += value - (mean[axis] >> SMOOTH)
        self._step(size, mean[3] >> SMOOTH)
        mean[3] += size - (mean[3] >> SMOOTH)
        self._count += 1
        self._sum += size
        self._squares += size * size
        self._second.append(size)
        if len(self._second) == RATE_HZ:
            self._active += deviation(len(self._second), sum(self._second), sum(s * s for s in self._second)) > ACTIVE_MG
            self._second = []

    def summary(self):
        """The interval's figures; begins the next one. None without samples."""
        if not self._count:
            return None
        found = {
            "sd_mg": deviation(self._count, self._sum, self._squares),
            "odba_mg": self._odba // self._count,
            "active_s": int(self._active),
            "steps": self._steps,
        }
        self._reset()
        return found

    def _step(self, size, mean):
        self._since_step += 1
        above = size > mean + STEP_MG
        if above and not self._above and self._since_step >= STEP_GAP:
            self._steps += 1
            self._since_step = 0
        self._above = above

    def _reset(self):
        self._count = self._sum = self._squares = self._odba = 0
        self._active = self._steps = 0
        self._second = []
        self._above, self._since_step = False, STEP_GAP


def deviation(count, total, squares):
    """Standard deviation of integers from their count, sum and sum of squares."""
    return isqrt(max(0, squares * count - total * total)) // count
