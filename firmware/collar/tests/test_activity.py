from app.activity import RATE_HZ, Activity, isqrt
from sim.motion import Random, shaking, still, walking

SECONDS = 20


def summary(one, seconds=SECONDS):
    """The summary of motion that has gone on for a while."""
    activity = Activity()
    for turn in range(2):
        for at in range(seconds * RATE_HZ):
            activity.add(*one(at))
        found = activity.take(seconds * 1000)
    return found


def test_the_square_root_is_exact(_):
    for root in (0, 1, 2, 3, 1000, 27_713, 65_535, 1 << 20):
        assert isqrt(root * root) == root
        if root > 1:
            assert isqrt(root * root - 1) == root - 1


def test_perfectly_still_is_nothing(_):
    assert summary(lambda at: (0, 0, 1000)) == {"sd_mg": 0, "odba_mg": 0, "active_s": 0, "steps": 0}
    assert summary(lambda at: (0, -1000, 0)) == {"sd_mg": 0, "odba_mg": 0, "active_s": 0, "steps": 0}


def test_resting_with_noise_is_no_activity(_):
    random = Random(1)
    found = summary(lambda at: still(random))
    assert found["active_s"] == 0 and found["steps"] == 0 and found["sd_mg"] <= 3 and found["odba_mg"] <= 10


def test_a_square_wave_has_its_known_deviation(_):
    # 100 mg up and down around 1 g, each half a second: the deviation is 100 exactly.
    found = summary(lambda at: (0, 0, 1100 if at % 50 < 25 else 900))
    assert found["sd_mg"] == 100 and 90 <= found["odba_mg"] <= 110 and found["active_s"] == SECONDS


def test_a_walk_has_two_steps_a_second(_):
    random = Random(2)
    found = summary(lambda at: walking(random, at))
    assert found["steps"] in (2 * SECONDS - 1, 2 * SECONDS) and found["active_s"] == SECONDS
    # A sine of 350 mg has a deviation of 350 / sqrt(2) = 247.
    assert 235 <= found["sd_mg"] <= 260


def test_a_shake_is_much_more_than_a_walk(_):
    random = Random(3)
    shake = summary(lambda at: shaking(random, at))
    walk = summary(lambda at: walking(random, at))
    assert shake["odba_mg"] > 3 * walk["odba_mg"] and shake["active_s"] == SECONDS


def test_half_a_time_of_motion_is_half_the_seconds(_):
    found = summary(lambda at: (0, 0, 1000 + (300 if at % 10 < 5 else -300)) if at < 500 else (0, 0, 1000))
    assert found["active_s"] in (10, 11)


def test_lost_samples_are_made_good_in_proportion(_):
    activity = Activity()
    random = Random(4)
    for at in range(5 * RATE_HZ):
        activity.add(*walking(random, at))
    found = activity.take(60_000)
    assert found["active_s"] == 60 and 96 <= found["steps"] <= 120


def test_the_summary_begins_anew(_):
    activity = Activity()
    activity.add(0, 0, 3000)
    assert activity.take(20)["sd_mg"] == 0
    assert activity.take(20) is None
    activity.add(0, 0, 1000)
    assert activity.take(20)["steps"] == 0


def test_the_largest_forces_do_no_harm(_):
    found = summary(lambda at: (16000, -16000, 16000) if at % 2 else (-16000, 16000, -16000))
    assert found["odba_mg"] > 40_000 and found["sd_mg"] == 0
