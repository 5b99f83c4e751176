from app.power import Power


class Cell:
    def __init__(self, level, charging=False):
        self._level, self._charging = level, charging

    def level(self):
        return self._level

    def charging(self):
        return self._charging


def test_the_last_of_the_battery_slows_telemetry_but_not_to_silence(_):
    assert Power(Cell(500)).interval_ms(60_000) == 60_000
    assert Power(Cell(149)).interval_ms(10_000) == 40_000
    assert Power(Cell(149)).interval_ms(60_000) == 150_000
    assert Power(Cell(149)).interval_ms(600_000) == 600_000
    assert Power(Cell(10, charging=True)).interval_ms(10_000) == 10_000


def test_a_low_battery_keeps_the_camera_off(_):
    assert Power(Cell(199)).no_stream_because() == "low_battery"
    assert Power(Cell(200)).no_stream_because() is None


def test_an_update_needs_charge_and_rest_or_the_charger(_):
    power = Power(Cell(400))
    assert power.no_update_because() is None
    power.note({"active_s": 20})
    assert power.no_update_because() == "not_at_rest"
    assert Power(Cell(299)).no_update_because() == "low_battery"
    assert Power(Cell(100, charging=True)).no_update_because() is None
