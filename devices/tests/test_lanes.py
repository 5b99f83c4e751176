"""Lanes: whose message comes next, and who is over."""

from uuid import UUID, uuid4

import pytest

from broker import lanes as module
from broker.lanes import Lanes
from broker.messages import Message
from broker.subscriber import is_result

HOG, OTHER = uuid4(), uuid4()
RESULT = b'{"v":1,"command":{}}'


def say(device: UUID, payload: bytes = b"x", times: int = 1) -> list[Message]:
    return [Message(device, "t", payload, False, 0) for _ in range(times)]


def devices(messages: list[Message]) -> list[UUID]:
    return [message.device_id for message in messages]


def strict(**more: int) -> Lanes:
    """Lanes that have been found empty since the last standstill."""
    found = Lanes(is_result, **more)
    found._lenient = False
    return found


def test_a_batch_has_everybody_in_it() -> None:
    lanes = Lanes()
    lanes.put(say(HOG, times=5000))
    lanes.put(say(OTHER))
    batch = devices(lanes.take_batch(100, 10**9, 0))
    assert len(batch) == 100
    assert batch.count(OTHER) == 1
    assert batch.index(OTHER) < 20


def test_turns_are_fair_by_bytes() -> None:
    lanes = Lanes()
    lanes.put(say(HOG, b"x" * 16_384, 1000))
    lanes.put(say(OTHER, b"x" * 250, 1000))
    batch = lanes.take_batch(2000, 400_000, 0)
    spent = {device: sum(module.work_of(one) for one in batch if one.device_id == device) for device in (HOG, OTHER)}
    assert abs(spent[HOG] - spent[OTHER]) < 40_000


def test_the_order_of_a_collar_stays() -> None:
    lanes = Lanes()
    lanes.put([Message(HOG, "t", str(number).encode(), False, 0) for number in range(50)])
    taken = [*lanes.take_batch(7, 10**9, 0), *lanes.take_turn(9, 9), *lanes.take_batch(100, 10**9, 0)]
    assert [int(message.payload) for message in taken] == list(range(50))


def test_a_result_goes_before_presence_of_others() -> None:
    lanes = Lanes(is_result)
    for _ in range(50):
        lanes.put(say(uuid4(), b"presence"))
    lanes.put(say(OTHER, RESULT))
    turns = [devices(lanes.take_turn(500, 8)) for _ in range(3)]
    assert [OTHER] in turns[:2]


def test_a_flood_of_results_does_not_starve_presence() -> None:
    lanes = Lanes(is_result)
    lanes.put(say(HOG, RESULT, 1000))
    lanes.put(say(OTHER, b"presence"))
    turns = [lanes.take_turn(500, 8) for _ in range(3)]
    assert OTHER in devices([message for turn in turns for message in turn])
    assert max(len(turn) for turn in turns) == 8


def test_results_with_escaped_keys_count_as_results() -> None:
    assert is_result(b'{"v":1,"comm\\u0061nd":{}}')
    assert not is_result(b'{"v":1,"online":true}')


def test_who_holds_most_is_over() -> None:
    lanes = strict(hold_most=100_000)
    lanes.put(say(OTHER, times=4))
    lanes.put(say(HOG, times=19))
    assert lanes.excess() is None
    lanes.put(say(HOG, times=5))
    assert lanes.excess() == HOG
    assert len(lanes.clear(HOG)) == 24
    assert lanes.excess() is None
    assert devices(lanes.take_batch(100, 10**9, 0)) == [OTHER] * 4


def test_many_with_little_each_are_nobodys_fault() -> None:
    lanes = strict(hold_most=100_000)
    for _ in range(100):
        lanes.put(say(uuid4()))
    assert lanes.excess() is None


def test_after_a_standstill_a_long_lane_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    lanes = strict(hold_most=100_000)
    assert lanes.take_turn(1, 1) == []
    clock[0] += module.STALL_S + 1  # nobody took anything, because we were stopped
    lanes.put(say(HOG, times=100))
    assert lanes.excess() is None
    while lanes.take_batch(30, 10**9, 0):
        pass
    lanes.put(say(HOG, times=100))
    assert lanes.excess() is None  # the backlog may still be on its way
    lanes.take_batch(1000, 10**9, 0)
    clock[0] += module.STALL_S - 1
    lanes.take_turn(1, 1)
    clock[0] += module.STALL_S - 1
    lanes.take_turn(1, 1)
    lanes.put(say(HOG, times=100))
    assert lanes.excess() == HOG
