"""A flash chip in memory, as littlefs uses one: pages wear, and the power may go in the middle of a write."""

PAGE = 4096  # the ESP32-S3 erases 4 KiB at a time
ERASED = b"\xff" * PAGE


class PowerCut(BaseException):
    """The power is gone: nothing of the program may handle that."""


class Flash:
    """A block device of MicroPython's extended interface. `erased[n]` counts how often page n was erased."""

    def __init__(self, pages):
        self._bytes = bytearray(pages * PAGE)
        self.erased = [0] * pages
        self._until_cut = None
        self.dead = False

    def cut_after(self, writes):
        """Take the power away in the middle of that write or erasure from now on, counted from 0."""
        self._until_cut = writes

    def power_on(self):
        """The power is back; the bytes are as they were left."""
        self.dead, self._until_cut = False, None

    def readblocks(self, page, into, offset=0):
        if self.dead:
            raise PowerCut
        start = page * PAGE + offset
        into[:] = self._bytes[start : start + len(into)]

    def writeblocks(self, page, data, offset=0):
        start = page * PAGE + offset
        cut = self._cut_at(len(data))
        self._bytes[start : start + cut] = data[:cut]
        self._die_if(cut < len(data))

    def ioctl(self, what, value):
        if what == 4:
            return len(self.erased)
        if what == 5:
            return PAGE
        if what == 6:
            self._erase(value)
        return 0

    def _erase(self, page):
        self.erased[page] += 1
        cut = self._cut_at(PAGE)
        self._bytes[page * PAGE : page * PAGE + cut] = ERASED[:cut]
        self._die_if(cut < PAGE)

    def _cut_at(self, size):
        """How much of that many bytes still reaches the cells: all of them, unless this is the write that is cut."""
        if self.dead:
            raise PowerCut
        if self._until_cut is None:
            return size
        self._until_cut -= 1
        return size if self._until_cut >= 0 else size * 2 // 3

    def _die_if(self, cut):
        if cut:
            self.dead = True
            raise PowerCut
