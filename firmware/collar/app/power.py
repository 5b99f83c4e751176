"""What the battery has left for: telemetry slows down, the camera stays off, updates wait. Levels in tenths of a percent."""

# On the last of the battery samples come four times as rarely, but so often that nobody takes the collar for gone.
SAVING, SLOWER, SLOWEST_MS = 150, 4, 150_000
STREAM_FROM, UPDATE_FROM = 200, 300
# Active seconds of the last summary at which an animal counts as at rest.
REST_S = 2


class Power:
    """Decides; `battery` is the board's."""

    def __init__(self, battery):
        self._battery = battery
        self._active_s = 0

    def note(self, activity):
        """Take the newest summary over."""
        if activity:
            self._active_s = activity["active_s"]

    def interval_ms(self, wanted):
        """Time between two samples, wanted ones in ms."""
        if self._battery.level() >= SAVING or self._battery.charging():
            return wanted
        return max(wanted, min(wanted * SLOWER, SLOWEST_MS))

    def no_stream_because(self):
        """`low_battery` or None."""
        low = self._battery.level() < STREAM_FROM and not self._battery.charging()
        return "low_battery" if low else None

    def no_update_because(self):
        """Why no update may be installed now: `low_battery`, `not_at_rest`, or None. A charger allows it always."""
        if self._battery.charging():
            return None
        if self._battery.level() < UPDATE_FROM:
            return "low_battery"
        return "not_at_rest" if self._active_s > REST_S else None
