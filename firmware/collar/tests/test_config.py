import json

from app.config import BadConfig, Config, Device
from helpers import raises

GOOD = {"v": 1, "version": 3, "telemetry_interval_s": 5, "camera": "off", "time_zone": "Asia/Tokyo"}


def test_it_applies_and_keeps_a_configuration(folder):
    config = Config(folder, {"telemetry_interval_s": 60})
    assert config.interval_ms == 60_000 and config.now["version"] == 0
    assert config.apply(GOOD)
    assert not config.apply(GOOD)
    again = Config(folder, {"telemetry_interval_s": 60}).now
    assert again == {"version": 3, "telemetry_interval_s": 5, "camera": "off", "time_zone": "Asia/Tokyo"}


def test_it_takes_the_ends_of_the_range(folder):
    config = Config(folder, {})
    for interval in (1, 3600):
        assert config.apply(dict(GOOD, telemetry_interval_s=interval))
        assert config.interval_ms == interval * 1000


def test_it_refuses_what_is_out_of_range(folder):
    config = Config(folder, {})
    before = dict(config.now)
    wrong = [{"telemetry_interval_s": value} for value in (0, 3601, -1, 1.5, "60", None, True, [], 10**30)]
    wrong += [{"camera": value} for value in ("on", None, 1, [])]
    wrong += [{"time_zone": value} for value in ("", None, 7, "x" * 65)]
    wrong += [{"version": value} for value in (-1, "3", None, 1.0, True)]
    for change in wrong:
        assert raises(BadConfig, config.apply, dict(GOOD, **change)), change
    assert raises(BadConfig, config.apply, {"telemetry_interval_s": 5})
    assert config.now == before


def test_what_is_left_out_stays(folder):
    config = Config(folder, {"telemetry_interval_s": 7})
    assert config.apply({"version": 4})
    assert config.interval_ms == 7000 and config.now["version"] == 4


def test_a_spoiled_file_falls_back_to_the_first_configuration(folder):
    for text in ("", "{", "[]", "null", "\xff"):
        with open(folder + "/config.json", "w") as file:
            file.write(text)
        assert Config(folder, {"telemetry_interval_s": 7}).interval_ms == 7000
    with open(folder + "/config.json", "w") as file:
        json.dump({"version": 1, "telemetry_interval_s": 0}, file)
    assert Config(folder, {"telemetry_interval_s": 7}).interval_ms == 7000


def test_a_collar_without_an_identity_says_what_is_missing(folder):
    assert raises(BadConfig, Device, folder)
    whole = {"id": "a", "ca": "AAAA", "mqtt": {"host": "h", "port": 1, "username": "a", "password": "p"}}
    for change in (
        {"id": None},
        {"mqtt": {}},
        {"mqtt": None},
        {"ca": 7},
        {"mqtt": dict(whole["mqtt"], port="x")},
    ):
        told = dict(whole, **change)
        if told["id"] is None:
            del told["id"]
        with open(folder + "/device.json", "w") as file:
            json.dump(told, file)
        assert raises(BadConfig, Device, folder), change
    with open(folder + "/device.json", "w") as file:
        json.dump(whole, file)
    assert Device(folder).client_id == "a"
