import json

from app.backoff import Backoff
from app.clock import FLOOR_MS, Clock
from app.telemetry import HELD, Sampler, thousandths
from helpers import Log, ManualClock

NOW = 1_795_425_600_123


def sampler(clock):
    kept = []
    return Sampler(clock, lambda text, seq, ts: kept.append((json.loads(text), seq, ts)), Log()), kept


def test_a_clock_that_was_never_set_knows_nothing(_):
    assert Clock().now_ms() is None
    assert Clock(lambda: 0).now_ms() is None


def test_the_servers_time_sets_it(_):
    clock = Clock()
    for wrong in (None, "x", 1.5, 0, FLOOR_MS - 1, True):
        assert not clock.set(wrong)
    assert clock.set(NOW) and 0 <= clock.now_ms() - NOW < 1000
    assert not clock.set(NOW + 500)
    assert clock.set(NOW + 60_000) and clock.now_ms() >= NOW + 60_000


def test_a_right_system_clock_is_believed_more(_):
    clock = Clock(lambda: NOW)
    assert not clock.set(NOW + 60_000) and clock.now_ms() == NOW


def test_waits_grow_and_are_spread(_):
    waits = Backoff()
    for lowest, highest in ((250, 8_250), (1_000, 8_000), (2_000, 16_000), (4_000, 32_000), (7_500, 60_000)):
        assert lowest <= waits.next_ms() <= highest
    assert all(waits.next_ms() <= 60_000 for _ in range(100))
    waits.reset()
    assert waits.next_ms() <= 8_250


def test_milliseconds_stay_integers(_):
    clock = Clock()
    clock.set(NOW)
    assert isinstance(clock.now_ms(), int)


def test_samples_wait_for_the_clock_and_are_stamped_from_uptime(_):
    clock = ManualClock(None)
    make, kept = sampler(clock)
    for uptime in (1000, 61_000, 121_000):
        clock.uptime = uptime
        make.make((1, 2, 3), 875, None)
    assert kept == []
    clock.now = NOW
    make.release()
    assert [(seq, ts) for _, seq, ts in kept] == [(1, NOW + 1000), (2, NOW + 61_000), (3, NOW + 121_000)]
    clock.now = NOW + 5
    make.release()
    assert len(kept) == 3
    make.make((1, 2, 3), 875, None)
    assert kept[-1][1:] == (4, NOW + 5 + 121_000) and "activity" not in kept[-1][0]


def test_held_samples_are_bounded(_):
    clock = ManualClock(None)
    make, kept = sampler(clock)
    for _ in range(HELD + 10):
        make.make((0, 0, 0), 0, None)
    clock.now = NOW
    make.release()
    assert [seq for _, seq, _ in kept] == list(range(11, HELD + 11))


def test_thousandths_are_written_exactly(_):
    for number, text in ((0, "0.000"), (-1, "-0.001"), (987, "0.987"), (-1000, "-1.000"), (15_999, "15.999")):
        assert thousandths(number) == text
