"""Numbers and stamps samples; the time of each is fixed before it can be sent."""

# Samples that wait in memory for a clock; a power cut loses them, for nobody could say when they were.
HELD = 240


def thousandths(number):
    """An integer of thousandths as decimal text: -987 is -0.987. No float, which has 24 bits on a board."""
    sign = "-" if number < 0 else ""
    number = abs(number)
    return "%s%d.%03d" % (sign, number // 1000, number % 1000)


def sample_text(seq, ts, mg, battery, activity):
    """A sample as the JSON that goes over the wire. `mg`: x, y, z; `battery`: tenths of a percent."""
    text = '{"seq":%d,"ts":%d,"accel_x":%s,"accel_y":%s,"accel_z":%s,"battery_level":%d.%d' % (
        seq,
        ts,
        thousandths(mg[0]),
        thousandths(mg[1]),
        thousandths(mg[2]),
        battery // 10,
        battery % 10,
    )
    if activity:
        text += ',"activity":{"sd_mg":%d,"odba_mg":%d,"active_s":%d,"steps":%d}' % (
            activity["sd_mg"],
            activity["odba_mg"],
            activity["active_s"],
            activity["steps"],
        )
    return text + "}"


class Sampler:
    """Counts samples and stamps them. `keep(text, seq, ts)` stores one."""

    def __init__(self, clock, keep, log):
        self._clock = clock
        self._keep = keep
        self._log = log
        self._seq = 0
        self._held = []

    def make(self, mg, battery, activity):
        """Take a sample now. Without a clock it is held until there is one."""
        self._seq += 1
        self._held.append((self._seq, self._clock.uptime_ms(), mg, battery, activity))
        self.release()
        if len(self._held) > HELD:
            self._log("samples_dropped", seq=self._held.pop(0)[0], reason="no clock")

    def release(self):
        """Stamp and store what is held, if the clock is set."""
        while self._held:
            seq, uptime, mg, battery, activity = self._held[0]
            ts = self._clock.at_ms(uptime)
            if ts is None:
                return
            self._held.pop(0)
            self._keep(sample_text(seq, ts, mg, battery, activity), seq, ts)
