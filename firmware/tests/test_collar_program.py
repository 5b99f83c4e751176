"""The collar program as it is, under MicroPython, against a real mosquitto with TLS."""

import contextlib
import json
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from paho.mqtt import publish

from firmware.packing import BOARD
from firmware.simulation import collar_command, collar_env, made, script_command
from firmware.tests.broker import Broker, Server, make_authority, wait_until
from firmware.tests.collar import Collar
from firmware.tests.old_broker import OldBroker

JUNK = [
    *(b"", b"\xff", b"{", b"[]", b"7", b"{}", b'{"id":7}', b'{"now":"x"}', b'{"version":1e999}'),
    *(b'{"boot":[],"batch":{},"rejected":"x"}', b'{"id":"x","exp":[],"portion":{}}'),
    *(b"[" * 16_000, b"{" + b" " * 16_000 + b"}"),
]


def received(server: Server) -> set[tuple[str, int, int]]:
    """(boot, seq, ts) of every sample that arrived."""
    return {(told["boot"], one["seq"], one["ts"]) for told in server.batches() for one in told["samples"]}


def wait_for_result(server: Server, treat: str, result: str) -> None:
    """Until the collar has told a treat's result."""
    wait_until(lambda: result in server.results(treat), result)


def wait_for_samples(collar: Collar, count: int) -> None:
    """Until the collar has made that many, over all its boots."""
    wait_until(lambda: len(made(collar.flash)) >= count, "samples")


def test_its_own_tests_pass_under_micropython() -> None:
    command = script_command("tests/run.py", heap="512K")
    ran = subprocess.run(command, env=collar_env(), capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_it_says_that_it_is_there_and_its_will_says_that_it_is_gone(server: Server, collar: Collar) -> None:
    collar.start()
    first = wait_until(server.presences)[0]
    expected = {"online": True, "firmware": "1.0.0", "battery_level": 87.5, "treats_left": 50}
    assert first.items() >= expected.items()
    assert first.keys() == {"v", "boot", "rssi", "config_version", "ip", "streaming", "hardware", *expected}
    assert first["hardware"] == {"board": BOARD, "camera": True, "dispenser": True}
    collar.wait_online()
    collar.kill()
    wait_until(lambda: server.presences()[-1] == {"v": 1, "online": False}, "the will")


def test_one_without_camera_and_dispenser_says_so_and_obeys_neither(server: Server, collar: Collar) -> None:
    collar.options(camera=False, dispenser=False, board="plain")
    collar.start()
    said = wait_until(server.presences)[0]
    assert said["hardware"] == {"board": "plain", "camera": False, "dispenser": False}
    assert "treats_left" not in said
    collar.wait_online()
    wait_for_result(server, server.treat(), "unsupported")


def test_its_presence_is_retained(server: Server, collar: Collar, broker: Broker) -> None:
    collar.start()
    collar.wait_online()
    late = Server(broker, collar.id)
    assert wait_until(lambda: ("status", True) in [(name, kept) for name, _, kept in late.messages], "retained")
    late.close()


def test_a_batch_is_deleted_once_it_is_acknowledged_and_not_before(server: Server, collar: Collar) -> None:
    server.acknowledge = False
    collar.start()
    batch = wait_until(server.batches)[0]
    assert (batch["v"], batch["batch"], batch["ack"]) == (1, 1, True)
    sample = batch["samples"][0]
    assert sample.keys() == {"seq", "ts", "accel_x", "accel_y", "accel_z", "battery_level", "activity"}
    assert sample["activity"].keys() == {"sd_mg", "odba_mg", "active_s", "steps"}
    assert isinstance(sample["ts"], int)
    assert abs(sample["ts"] - time.time() * 1000) < 60_000
    name = f"00000001-{batch['boot']}-1"
    wait_until(lambda: len(server.batches()) == 4, "the window")
    assert name in collar.kept()
    server.ack(batch, rejected=1)
    wait_until(lambda: name not in collar.kept(), "the file is gone")


def test_a_batch_without_an_answer_comes_again_after_a_reconnect(
    server: Server, collar: Collar, broker: Broker
) -> None:
    server.acknowledge = False
    collar.start()
    before = wait_until(server.batches)[0]
    broker.kill()
    wait_until(lambda: not collar.online, "it notices")
    broker.start()
    wait_until(lambda: server.batches().count(before) == 2, "the same batch")
    server.acknowledge = True
    for batch in server.batches():
        server.ack(batch)
    assert wait_until(lambda: set(made(collar.flash)[:10]) <= received(server), "everything")


def test_a_batch_without_an_answer_comes_again_after_a_power_cut(server: Server, collar: Collar) -> None:
    server.acknowledge = False
    collar.start()
    wait_for_samples(collar, 8)
    collar.kill()
    before = server.batches()
    server.acknowledge = True
    collar.start()
    wait_until(lambda: len({boot for boot, _, _ in made(collar.flash)}) == 2, "samples of the second boot")
    wait_until(lambda: set(made(collar.flash)[:12]) <= received(server), "everything")
    assert all(server.batches().count(batch) == 2 for batch in before)
    samples = [one for told in server.batches() if told not in before for one in told["samples"]]
    assert len(samples) == len({(one["seq"], one["ts"]) for one in samples})


def test_power_cuts_at_any_moment_lose_nothing_and_add_nothing(server: Server, collar: Collar) -> None:
    collar.options(interval_s=0.02)
    for _ in range(6):
        target = len(made(collar.flash)) + random.randint(1, 40)
        collar.start()
        wait_for_samples(collar, target)
        collar.kill()
    collar.options(interval_s=3600)
    collar.start()
    wait_until(lambda: not collar.kept() and collar.online, "all is delivered")
    assert received(server) == set(made(collar.flash))
    assert len(made(collar.flash)) == len(set(made(collar.flash)))


def test_it_speaks_the_older_protocol_where_the_newer_is_refused(collar: Collar, authority: Path) -> None:
    with contextlib.closing(OldBroker(authority)) as old:
        path = collar.flash / "device.json"
        device = json.loads(path.read_text())
        device["mqtt"]["port"] = old.port
        path.write_text(json.dumps(device))
        collar.start()
        collar.wait_online()
        wait_until(lambda: f"devices/{collar.id}/telemetry" in old.topics, "telemetry")
    assert old.versions[:2] == [5, 4]


def test_a_treat_is_given_once_however_often_it_is_commanded(server: Server, collar: Collar) -> None:
    collar.start()
    collar.wait_online()
    treat = server.treat(portion=2)
    server.treat(treat, portion=2)
    wait_for_result(server, treat, "dispensed")
    server.treat(treat, portion=2)
    wait_until(lambda: server.results(treat).count("dispensed") >= 2, "the result again")
    assert server.results(treat)[0] == "accepted"
    assert collar.lines("motor.log") == [f"{treat} 2"]
    wait_until(lambda: server.presences()[-1]["treats_left"] == 48, "treats_left")


def test_it_repeats_the_result_after_dying_between_motor_and_answer(server: Server, collar: Collar) -> None:
    collar.options(die="after_motor", outcome="jammed")
    collar.start()
    collar.wait_online()
    treat = server.treat()
    assert collar.process
    assert collar.process.wait(15) == -signal.SIGKILL
    assert server.results(treat) == ["accepted"]
    collar.start()
    wait_for_result(server, treat, "jammed")
    server.treat(treat)
    wait_until(lambda: server.results(treat).count("jammed") >= 2, "the result again")
    assert collar.lines("motor.log") == [f"{treat} 1"]


def test_a_result_that_nobody_heard_is_told_again(collar: Collar, broker: Broker) -> None:
    broker.start()
    collar.start()
    collar.wait_online()
    told = json.dumps({"v": 1, "id": "t1", "portion": 1, "exp": int(time.time() * 1000) + 30_000})
    publish.single(f"devices/{collar.id}/cmd/treat", told, qos=1, port=broker.inside)
    wait_until(lambda: collar.lines("motor.log"), "the motor")
    with contextlib.closing(Server(broker, collar.id)) as server:
        wait_for_result(server, "t1", "dispensed")
        assert server.results("t1")[-1] == "dispensed"


def test_an_expired_treat_never_turns_the_motor(server: Server, collar: Collar) -> None:
    collar.start()
    collar.wait_online()
    treat = server.treat(expires_in_s=-1)
    wait_until(lambda: server.results(treat) == ["expired"], "expired")
    assert collar.lines("motor.log") == []


def test_a_test_can_steer_the_next_outcome(server: Server, collar: Collar) -> None:
    collar.start()
    collar.wait_online()
    for outcome in ("jammed", "empty"):
        collar.options(outcome=outcome)
        wait_for_result(server, server.treat(), outcome)
    collar.options(answer=False)
    lost = server.treat()
    server.command("dance", {"v": 1, "id": "later"})
    wait_until(lambda: server.results("later") == ["unsupported"], "a message after the lost one")
    assert server.results(lost) == []
    assert len(collar.lines("motor.log")) == 2


def test_a_configuration_is_applied_reported_and_kept(server: Server, collar: Collar) -> None:
    collar.options(interval_s=None)
    told = {"v": 1, "version": 3, "telemetry_interval_s": 1, "camera": "off", "time_zone": "Asia/Tokyo"}
    server.command("config", told, retain=True)
    collar.start()
    wait_until(lambda: server.presences() and server.presences()[-1]["config_version"] == 3, "the version")
    wait_for_samples(collar, 3)
    server.command("config", {**told, "version": 4, "telemetry_interval_s": 0}, retain=True)
    wait_until(lambda: "config_refused" in collar.console(), "a refusal")
    collar.kill()
    server.messages.clear()
    collar.start()
    first = wait_until(lambda: [one for one in server.presences() if one["online"]], "the second boot")[0]
    assert first["config_version"] == 3
    assert json.loads((collar.flash / "config.json").read_text())["telemetry_interval_s"] == 1


def test_it_comes_back_by_itself_when_the_broker_does(server: Server, collar: Collar, broker: Broker) -> None:
    collar.start()
    collar.wait_online()
    broker.kill()
    wait_until(lambda: not collar.online, "it notices")
    made_before = len(made(collar.flash))
    broker.start()
    wait_until(lambda: collar.online, "it is back")
    wait_until(lambda: len(made(collar.flash)) > made_before + 2 and not collar.kept(), "all is delivered")
    assert wait_until(lambda: set(made(collar.flash)) <= received(server), "every sample")


def test_a_backlog_comes_in_full_batches_through_a_small_heap(server: Server, collar: Collar) -> None:
    server.acknowledge = False
    collar.options(interval_s=0.01)
    collar.start("512K")
    wait_for_samples(collar, 300)
    server.acknowledge = True
    for batch in server.batches():
        server.ack(batch)
    wait_until(lambda: set(made(collar.flash)[:300]) <= received(server), "every sample")
    assert max(len(told["samples"]) for told in server.batches()) > 50
    assert collar.console().count(" boot ") == 1


def test_a_broker_that_refuses_telemetry_is_not_flooded(collar: Collar, broker: Broker) -> None:
    acl = broker.folder / "acl"
    acl.write_text(acl.read_text().replace("pattern write devices/%u/telemetry\n", ""))
    broker.start()
    collar.start()
    wait_until(lambda: "ack_missing" in collar.console(), "a second try")
    assert 1 <= collar.console().count("publish_refused") <= 10
    assert collar.online
    assert len(collar.kept()) >= 1


def test_without_a_clock_it_holds_its_samples_until_it_is_told_the_time(server: Server, collar: Collar) -> None:
    collar.options(clock="unset")
    collar.start()
    collar.wait_online()
    lost = server.treat()
    wait_for_result(server, lost, "failed")
    assert made(collar.flash) == []
    now = int(time.time() * 1000) + 60_000
    server.command("time", {"v": 1, "now": now})
    wait_until(lambda: len(received(server)) >= 3, "the held samples")
    first = min(received(server), key=lambda sample: sample[1])
    assert first[1] == 1
    assert now - 20_000 < first[2] <= now + 1_000  # on a slow machine the first is made just after


def test_it_notices_a_broker_that_only_hangs(collar: Collar, broker: Broker) -> None:
    collar.options(keep_alive_s=2)
    broker.start()
    collar.start()
    collar.wait_online()
    assert broker.process
    broker.process.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: not collar.online, "it notices")
    finally:
        broker.process.send_signal(signal.SIGCONT)
    wait_until(lambda: collar.online, "it is back")


def test_another_authority_is_refused(
    make_collar: Callable[..., Collar], broker: Broker, tmp_path: Path, authority: Path
) -> None:
    stranger = make_collar(authority=make_authority(tmp_path / "other"))
    trusting = make_collar()
    broker.start()
    stranger.start()
    wait_until(lambda: "not correctly signed" in stranger.console(), "a refusal")
    trusting.start()
    trusting.wait_online()
    assert " connected " not in stranger.console()


def test_another_server_name_is_refused(tmp_path: Path) -> None:
    other = make_authority(tmp_path / "other", "broker.example")
    broker = Broker(tmp_path / "broker", other)
    collar = Collar(tmp_path / "collars", broker, other)
    broker.start()
    try:
        collar.start()
        wait_until(lambda: "does not match" in collar.console(), "a refusal")
        assert not collar.online
    finally:
        collar.kill()
        broker.kill()


def test_a_wrong_password_is_said_and_never_printed(server: Server, collar: Collar) -> None:
    path = collar.flash / "device.json"
    path.write_text(path.read_text().replace("collar-secret", "wrong-secret"))
    collar.start()
    wait_until(lambda: "refused" in collar.console(), "a refusal")
    assert "wrong-secret" not in collar.console()


@pytest.mark.parametrize("heap", ["512K"])
def test_garbage_does_not_stop_it_in_a_small_heap(server: Server, collar: Collar, heap: str) -> None:
    collar.start(heap)
    collar.wait_online()
    for name in ("treat", "config", "time", "ack", "stream", "update", "unknown", "treat/deep", ""):
        for payload in JUNK:
            server.command(name, payload)
    treat = server.treat()
    wait_for_result(server, treat, "dispensed")
    assert collar.console().count(" boot ") == 1
    assert " disconnected " not in collar.console()


def test_many_collars_share_a_process(make_collar: Callable[..., Collar], broker: Broker) -> None:
    collars = [make_collar(seed=number) for number in range(10)]
    broker.start()
    command = collar_command([collar.flash for collar in collars])
    with subprocess.Popen(command, env=collar_env(), stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: all(collar.online for collar in collars), "all online")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert not any(collar.online for collar in collars)


def test_a_folder_that_is_no_collar_is_one_clear_line(tmp_path: Path) -> None:
    ran = subprocess.run(
        collar_command([tmp_path]), env=collar_env(), capture_output=True, text=True, timeout=10, check=False
    )
    assert ran.returncode == 2
    assert ran.stdout.strip() == f"collar: {tmp_path}: device.json is missing or not JSON"
    assert ran.stderr == ""
