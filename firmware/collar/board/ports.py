"""What the program asks of the hardware. A board's drivers and the simulation both have these shapes."""


class Accelerometer:
    """Three axes at `app.activity.RATE_HZ`, kept by the chip until they are read, 32 of them."""

    def read(self):
        """The samples since the last call, oldest first, as (x, y, z) in mg. Raises OSError if the chip is silent."""
        raise NotImplementedError

    def last(self):
        """The newest sample that was read, or None."""
        raise NotImplementedError


class Dispenser:
    """The motor that gives treats, and the sensor that sees them fall."""

    async def turn(self, id, portion):
        """Give `portion` treats; `id` names the command. Returns dispensed, jammed or empty."""
        raise NotImplementedError


class Battery:
    """How much is left."""

    def level(self):
        """Tenths of a percent, 0 to 1000."""
        raise NotImplementedError

    def charging(self):
        """Whether it is being charged."""
        raise NotImplementedError


class Network:
    """The way to the broker."""

    async def run(self):
        """What it does all the time, for ever."""
        raise NotImplementedError

    async def ready(self):
        """Return once there is a network."""
        raise NotImplementedError

    def in_setup(self):
        """Whether it waits for its owner to name a network."""
        raise NotImplementedError

    def rssi(self):
        """Signal strength in dBm; 0 without a network."""
        raise NotImplementedError

    def ip(self):
        """Own address as text."""
        raise NotImplementedError


class Camera:
    """Pictures as JPEG. Powered off unless started."""

    def start(self, width, height, fps, quality):
        """Power on; `quality` is the sensor's, 4 (best) to 63. Raises OSError if there is none."""
        raise NotImplementedError

    def change(self, width, height, quality):
        """Another size or quality from the next picture on."""
        raise NotImplementedError

    async def picture(self):
        """The newest picture, whole (FF D8 to FF D9), at most `fps` a second. Raises OSError."""
        raise NotImplementedError

    def stop(self):
        """Power off; may be called twice."""
        raise NotImplementedError
