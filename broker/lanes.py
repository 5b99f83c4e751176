"""What came in and waits for a worker: a lane for each collar, served in turns, so that no collar waits for another.

Deficit round robin (Shreedhar, Varghese: Efficient Fair Queuing, SIGCOMM 1995): each turn gives a lane QUANTUM, and a
message that costs more leaves a debt. When all lanes together hold too much, who holds most is in excess (longest
queue drop). After a standstill of ours the lanes are lenient: then a long lane is our fault and not the collar's.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from uuid import UUID

from broker.messages import Message

MESSAGE_COST = 4096  # what it weighs to hold one, beside its bytes: 6,000 small ones as much as 1,200 of 16 KiB
MESSAGE_WORK = 512  # what it takes to store one, beside its bytes: 100 samples in 16 KiB as long as 22 with one
QUANTUM = 4096
HOLD_MOST = 24 * 1024 * 1024  # of all lanes together
HOG_SHARE = 8  # who holds less than this part of it is no hog, whatever the others hold
STALL_S = 3.0  # no worker came for so long: we stood still
LENIENT_MOST_S = 120.0  # the longest queue that the broker keeps (256 MB) is worked off by then
IDLE_WAIT_S = 0.5
URGENT, OTHERS = 0, 1
URGENT_TURNS = 2  # of three: who only says that it is there is served, too, whatever floods the urgent ring


def cost_of(message: Message) -> int:
    """What it weighs while it is held, in bytes."""
    return len(message.payload) + MESSAGE_COST


def work_of(message: Message) -> int:
    """What it takes to store it, in bytes."""
    return len(message.payload) + MESSAGE_WORK


class Lane:
    """Messages of one collar, oldest first."""

    __slots__ = ("cost", "credit", "messages", "urgent")

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()
        self.cost = self.credit = self.urgent = 0


class Lanes:
    """One thread puts, another takes. `is_urgent` says by a look at the payload which lanes go first."""

    def __init__(self, is_urgent: Callable[[bytes], bool] = lambda payload: False, hold_most: int = HOLD_MOST) -> None:
        self._is_urgent, self._hold_most = is_urgent, hold_most
        self._lanes: dict[UUID, Lane] = {}
        self._rings: tuple[OrderedDict[UUID, Lane], ...] = (OrderedDict(), OrderedDict())
        self._more = threading.Condition()
        self._count = self._cost = self._turn = 0
        self._taken_at = self._lenient_from = time.monotonic()
        self._lenient = True

    def excuse(self) -> None:
        """What waits now, or soon, piled up while we or the database stood still."""
        self._lenient, self._lenient_from = True, time.monotonic()

    @property
    def lenient(self) -> bool:
        """Whether the length of a lane says nothing about its collar."""
        return self._lenient and time.monotonic() - self._lenient_from < LENIENT_MOST_S

    def put(self, messages: Iterable[Message]) -> None:
        """Let these wait."""
        with self._more:
            self._notice_stall()
            for message in messages:
                self._put(message)
            self._more.notify()

    def excess(self) -> UUID | None:
        """The collar that holds most, when all hold too much; None when that is nobody's fault."""
        with self._more:
            if self._cost <= self._hold_most or self.lenient:
                return None
            device_id, lane = max(self._lanes.items(), key=lambda item: item[1].cost)
            return device_id if lane.cost > self._hold_most // HOG_SHARE else None

    def newest(self, device_id: UUID) -> Message | None:
        """The last message of a collar that waits."""
        with self._more:
            lane = self._lanes.get(device_id)
            return lane.messages[-1] if lane else None

    def clear(self, device_id: UUID) -> list[Message]:
        """Empty a collar's lane; what was in it."""
        with self._more:
            lane = self._lanes.pop(device_id, None)
            if lane is None:
                return []
            for ring in self._rings:
                ring.pop(device_id, None)
            self._count, self._cost = self._count - len(lane.messages), self._cost - lane.cost
            return list(lane.messages)

    def take_batch(self, most: int, most_work: int, wait_s: float) -> list[Message]:
        """Messages of all collars in turns: those that are there, or come within `wait_s` while there is room."""
        with self._more:
            if not self._await_some():
                return []
            self._more.wait_for(lambda: self._count >= most or self._payload_bytes() >= most_work, wait_s)
            batch: list[Message] = []
            ring = self._rings[OTHERS]
            while ring and len(batch) < most and most_work > 0:
                device_id, lane = ring.popitem(last=False)
                lane.credit += QUANTUM
                while lane.messages and lane.credit > 0 and len(batch) < most and most_work > 0:
                    message = self._pop(lane)
                    price = work_of(message)
                    lane.credit, most_work = lane.credit - price, most_work - price
                    batch.append(message)
                self._put_back(device_id, lane)
            return batch

    def take_turn(self, most: int, most_urgent: int) -> list[Message]:
        """Messages of one collar, the oldest first; no more than `most_urgent` of the urgent kind."""
        with self._more:
            if not self._await_some():
                return []
            self._turn += 1
            urgent, others = self._rings if self._turn % (URGENT_TURNS + 1) else self._rings[::-1]
            device_id, lane = (urgent or others).popitem(last=False)
            taken: list[Message] = []
            left = lane.urgent
            while lane.messages and len(taken) < most and left - lane.urgent < most_urgent:
                taken.append(self._pop(lane))
            self._put_back(device_id, lane)
            return taken

    def _payload_bytes(self) -> int:
        return self._cost - MESSAGE_COST * self._count

    def _await_some(self) -> bool:
        self._notice_stall()
        if not self._count and time.monotonic() - self._lenient_from > STALL_S:
            self._lenient = False
        found = self._more.wait_for(lambda: self._count, IDLE_WAIT_S)
        self._notice_stall()
        self._taken_at = time.monotonic()
        return bool(found)

    def _notice_stall(self) -> None:
        if time.monotonic() - self._taken_at > STALL_S:
            self.excuse()

    def _put(self, message: Message) -> None:
        device_id = message.device_id
        lane = self._lanes.get(device_id)
        if lane is None:
            lane = self._lanes[device_id] = self._rings[OTHERS][device_id] = Lane()
        price = cost_of(message)
        lane.messages.append(message)
        lane.cost += price
        self._cost += price
        self._count += 1
        if self._is_urgent(message.payload):
            lane.urgent += 1
            if self._rings[OTHERS].pop(device_id, None) is not None:
                self._rings[URGENT][device_id] = lane

    def _pop(self, lane: Lane) -> Message:
        message = lane.messages.popleft()
        price = cost_of(message)
        lane.cost -= price
        lane.urgent -= self._is_urgent(message.payload)
        self._cost -= price
        self._count -= 1
        return message

    def _put_back(self, device_id: UUID, lane: Lane) -> None:
        if lane.messages:
            self._rings[URGENT if lane.urgent else OTHERS][device_id] = lane
        else:
            del self._lanes[device_id]
