"""Token buckets: a burst, a rate, and no memory of who is idle."""

from core import buckets
from core.buckets import Buckets


def test_the_burst_may_be_spent_at_once_and_the_rate_after_it() -> None:
    tokens = Buckets(rate=10, burst=100)
    assert [tokens.take("a", 50, 0), tokens.take("a", 50, 0), tokens.take("a", 1, 0)] == [True, True, False]
    assert not tokens.take("a", 11, 1)
    assert tokens.take("a", 10, 1)
    assert tokens.take("b", 100, 1)


def test_a_refused_try_costs_nothing() -> None:
    tokens = Buckets(rate=10, burst=100)
    tokens.take("a", 95, 0)
    assert [tokens.take("a", 10, 0) for _ in range(50)] == [False] * 50
    assert tokens.take("a", 5, 0)


def test_who_is_idle_is_forgotten() -> None:
    tokens = Buckets(rate=10, burst=100)
    for number in range(10 * buckets.PRUNE_FROM):
        tokens.take(number, 1, number * 0.01)
    assert len(tokens._spent) < 2 * buckets.PRUNE_FROM
