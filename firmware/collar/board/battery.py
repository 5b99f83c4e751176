"""A single lithium polymer cell, measured through a divider by two."""

from board.ports import Battery

DIVIDER = 2
SAMPLES = 8
# mV at rest and tenths of a percent: the usual chart of a 1S LiPo at rest (blog.ampow.com, "LiPo voltage chart").
CURVE = (
    (3270, 0), (3610, 50), (3690, 100), (3710, 150), (3730, 200), (3750, 250), (3770, 300), (3790, 350), (3800, 400),
    (3820, 450), (3840, 500), (3850, 550), (3870, 600), (3910, 650), (3950, 700), (3980, 750), (4020, 800),
    (4080, 850), (4110, 900), (4150, 950), (4200, 1000),
)  # fmt: skip


def level_of(mv):
    """Tenths of a percent of a cell's voltage, between the chart's points in a straight line."""
    if mv <= CURVE[0][0]:
        return 0
    for (low, below), (high, above) in zip(CURVE, CURVE[1:]):
        if mv <= high:
            return below + (mv - low) * (above - below) // (high - low)
    return CURVE[-1][1]


class LipoBattery(Battery):
    """`adc` is a machine.ADC; `charging` a machine.Pin that is low while the charger works."""

    def __init__(self, adc, charging):
        self._adc, self._charging = adc, charging

    def level(self):
        """Tenths of a percent: the mean of a few readings, since the radio's bursts pull the voltage down."""
        total = sum(self._adc.read_uv() for _ in range(SAMPLES))
        return level_of(total * DIVIDER // SAMPLES // 1000)

    def charging(self):
        """Whether it is being charged."""
        return not self._charging.value()
