import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import SERVICES
from ops.paths import ROOT
from ops.rolling import restart_parts
from tools.testing import wait_for


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """In a folder that only its owner may enter (pytest's is), and whose path is too long for a socket."""
    var = tmp_path / ("a" * 60)
    with Instance(var, test=True, quick=True) as found:
        yield found


def test_it_starts_the_services_and_leaves_nothing(instance: Instance) -> None:
    instance.start(SERVICES)
    pids = [pid for pid in instance.pids().values() if pid]
    assert len(pids) == len(SERVICES)
    assert all(instance.healthy(name) for name in SERVICES)
    with psycopg.connect(instance.env["DATABASE_URL"], autocommit=True) as connection:
        facts = (
            "SELECT rolsuper, rolcreatedb, current_setting('data_checksums'), current_setting('TimeZone'), version()"
        )
        row = connection.execute(f"{facts} FROM pg_roles WHERE rolname = current_user").fetchone()
        assert row is not None
        assert row[:4] == (False, True, "on", "UTC")
        connection.execute("CREATE DATABASE another")
    instance.remove()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not instance.var.exists()
    assert not instance.run.exists()


def test_a_killed_part_comes_back(instance: Instance) -> None:
    instance.start(["redis"])
    killed = instance.pid("redis")
    instance.kill("redis")
    wait_for(lambda: instance.pid("redis") not in (None, killed))
    instance.wait_healthy(10)


def test_its_sockets_fit_and_are_nobody_elses(instance: Instance) -> None:
    assert len(str(instance.run / "pg" / ".s.PGSQL.5432.lock")) < 108
    assert instance.run.stat().st_mode & 0o027 == 0


def test_its_secrets_are_its_own_and_stay(instance: Instance) -> None:
    first = dict(instance.env)
    assert (instance.var / "secrets.env").stat().st_mode & 0o077 == 0
    instance.prepare()
    for name in ("HETRI_SECRET_KEY", "HETRI_CLAIM_KEY", "HETRI_MQTT_PASSWORD"):
        assert len(first[name]) >= 40
        assert instance.env[name] == first[name]


def test_it_does_not_take_over_another_installations_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://elsewhere/production")
    monkeypatch.setenv("PGHOST", "elsewhere")
    with Instance(tmp_path / "var", test=True) as found:
        assert str(found.run) in found.env["DATABASE_URL"]
        assert "PGHOST" not in found.env


def test_a_taken_port_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        monkeypatch.setenv("HETRI_HTTPS_PORT", port)
        with Instance(tmp_path / "var") as demo, pytest.raises(Refusal, match=f"^Port {port} is taken[^\n]*$"):
            demo.start(SERVICES)


def test_a_port_that_is_no_number_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HETRI_MQTTS_PORT", "https")
    with pytest.raises(Refusal, match="HETRI_MQTTS_PORT is 'https'"):
        Instance(tmp_path / "var").prepare()


def test_the_internal_port_stays_from_start_to_start(tmp_path: Path) -> None:
    ask = "import sys; from pathlib import Path; from ops import environment;"
    ask += "print(environment.configured_ports(Path(sys.argv[1]))['HETRI_MQTT_PORT'])"
    command = [sys.executable, "-c", ask, str(tmp_path)]
    first, second = (subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in "12")
    assert first == second


def test_a_part_that_does_not_stay_up_is_named_with_its_log(instance: Instance) -> None:
    (instance.var / "mosquitto" / "mosquitto.conf").write_text("listener nonsense\n")
    with pytest.raises(Refusal, match=r"^mosquitto does not stay up: ended code=") as refused:
        instance.start(["mosquitto"], seconds=30)
    assert "mosquitto.log ends with:" in str(refused.value)
    assert not instance.state


def test_fresh_keeps_secrets_and_certificates(instance: Instance) -> None:
    secrets, authority = (instance.var / "secrets.env").read_text(), (instance.var / "tls" / "ca.pem").read_bytes()
    (instance.var / "postgres").mkdir()
    instance.clear()
    instance.prepare()
    assert not (instance.var / "postgres").exists()
    assert (instance.var / "secrets.env").read_text() == secrets
    assert (instance.var / "tls" / "ca.pem").read_bytes() == authority


def test_its_test_ports_are_outside_what_the_kernel_hands_out(instance: Instance) -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    chosen = [int(value) for name, value in instance.env.items() if name.endswith("_PORT")]
    assert len(chosen) == len(set(chosen)) >= 4
    assert all(port < lowest for port in chosen)


def test_a_number_of_web_instances_that_is_none_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HETRI_WEB_INSTANCES", "many")
    with pytest.raises(Refusal, match="HETRI_WEB_INSTANCES is 'many', but it is a number from 1 to 4"):
        Instance(tmp_path / "var")


def test_only_the_application_is_restarted(instance: Instance) -> None:
    with pytest.raises(Refusal, match="Not a process of the application: postgres"):
        restart_parts(instance, ["postgres"], say=print)
