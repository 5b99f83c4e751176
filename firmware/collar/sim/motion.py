"""An accelerometer on an animal that rests, walks and shakes itself, drawn from a seed."""

REST, WALK, SHAKE = range(3)
# One stride at 2 Hz in 25 samples, and a shake at 5 Hz in 10, as thousandths.
_STRIDE = (0, 249, 482, 685, 844, 951, 998, 982, 905, 771, 588, 368, 125,
           -125, -368, -588, -771, -905, -982, -998, -951, -844, -685, -482, -249)  # fmt: skip
_SHAKE = (0, 588, 951, 951, 588, 0, -588, -951, -951, -588)


class Random:
    """A small generator for each collar (from Numerical Recipes): a seed gives the same day again."""

    def __init__(self, seed):
        self._state = seed & 0xFFFFFFFF

    def below(self, limit):
        """An integer from 0 to limit - 1."""
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 8) % limit


def still(random):
    """One sample of an animal that lies: gravity and the sensor's noise."""
    return random.below(7) - 3, random.below(7) - 3, 1000 + random.below(7) - 3


def walking(random, at):
    """One sample of a walk: up and down at 2 Hz."""
    swing = _STRIDE[at % 25]
    return swing * 90 // 1000 + random.below(21) - 10, swing * 60 // 1000, 1000 + swing * 350 // 1000


def shaking(random, at):
    """One sample of a shake: left and right at 5 Hz."""
    return random.below(101) - 50, _SHAKE[at % 10] * 2, 900 + random.below(201)


class Motion:
    """Stays in a mood for a while, then takes another."""

    def __init__(self, seed):
        self._random = Random(seed)
        self._mood = REST
        self._mood_ms = 0
        self._at = 0

    def advance(self, elapsed_ms, count):
        """The last `count` samples of the next `elapsed_ms`, oldest first, as (x, y, z) in mg."""
        self._mood_ms -= elapsed_ms
        if self._mood_ms <= 0:
            self._mood = (REST, REST, REST, WALK, WALK, SHAKE)[self._random.below(6)]
            self._mood_ms = 10_000 + self._random.below(120_000)
        for _ in range(count):
            self._at += 1
            yield self._one()

    def _one(self):
        if self._mood == WALK:
            return walking(self._random, self._at)
        return shaking(self._random, self._at) if self._mood == SHAKE else still(self._random)
