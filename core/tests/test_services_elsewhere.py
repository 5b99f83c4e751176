"""PostgreSQL, Redis and the broker on another host: reached over TLS, with their certificates checked."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from firmware.tests import broker
from ops import ports, postgres, processes, tls
from ops.paths import ROOT
from tools.dev.check import PRODUCTION
from tools.testing import wait_for

PASSWORD = "f3Kq9-Zt7Lw2"
USE = """
import asyncio, json, django
django.setup()
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from hetri.celery import app
from core import bus

async def hear():
    listener = await bus.hub().listen(("device", "7"))
    await asyncio.to_thread(bus.push, [{"type": "status", "device": "7"}])
    return await asyncio.wait_for(listener.get(), 5)

cache.set("known", 1)
with connection.cursor() as cursor:
    cursor.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    told = {"database": cursor.fetchone()[0]}
event = asyncio.run(hear()) or asyncio.run(hear())
with app.connection_for_write() as line:
    line.ensure_connection(max_retries=1)
app.send_task("devices.tasks.sync_broker", ignore_result=True)
with app.connection_for_read() as line:
    queued = line.default_channel.client.llen("celery")
print(json.dumps({**told, "cache": cache.get("known"), "event": event["device"], "queued": queued}))
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A PostgreSQL and a Redis that speak TLS only; their URLs, and `stranger`: a CA that has not signed them."""
    tls.ensure(tmp_path / "tls")
    tls.ensure(tmp_path / "stranger")
    database, redis = ports.reserve(), ports.reserve()
    running = [_postgres(tmp_path, database), _redis(tmp_path, redis)]
    wait_for(lambda: ports.listens(database) and ports.listens(redis))
    ca = tmp_path / "tls" / "ca.pem"
    yield {
        "DATABASE_URL": f"postgres://hetri:{PASSWORD}@localhost:{database}/hetri?sslmode=verify-full&sslrootcert={ca}",
        "REDIS_URL": f"rediss://:{PASSWORD}@localhost:{redis}/0?ssl_ca_certs={ca}",
        "stranger": str(tmp_path / "stranger" / "ca.pem"),
    }
    for process in running:
        process.kill()
        process.wait()


def _start(command: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    with open(folder / f"{Path(command[0]).name}.log", "ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, cwd="/", preexec_fn=processes.ends_with_us())  # noqa: PLW1509


def _postgres(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    run, served = folder / "run", folder / "postgres" / "server.pem"
    run.mkdir()
    postgres.prepare(folder, run)
    shutil.copy(folder / "tls" / "server.pem", served)
    served.chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(served, postgres.USER, postgres.USER)
    hba = folder / "postgres" / "pg_hba.conf"
    hba.write_text("hostssl all all all scram-sha-256\nlocal all all trust\n")
    said = {"listen_addresses": "127.0.0.1", "port": port, "ssl": "on", "unix_socket_directories": run / "pg"}
    said |= {"ssl_cert_file": served, "ssl_key_file": served}
    options = [word for name, value in said.items() for word in ("-c", f"{name}={value}")]
    process = _start([*postgres.command(folder, run, {"HETRI_QUICK_DISK": "1"}), *options], folder)
    wait_for(lambda: _has_password(f"postgres://{postgres.USER}@/postgres?host={run / 'pg'}&port={port}"))
    return process


def _has_password(url: str) -> bool:
    """Give our role its password, once the server answers."""
    try:
        with psycopg.connect(url) as line:
            line.execute(f"ALTER ROLE hetri PASSWORD '{PASSWORD}'")
    except psycopg.OperationalError:
        return False
    return True


def _redis(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    served = str(folder / "tls" / "server.pem")
    options = ["--port", "0", "--tls-port", str(port), "--tls-cert-file", served, "--tls-key-file", served]
    options += ["--tls-ca-cert-file", str(folder / "tls" / "ca.pem"), "--tls-auth-clients", "no", "--save", ""]
    return _start(["redis-server", *options, "--requirepass", PASSWORD, "--dir", str(folder)], folder)


def test_database_and_redis_elsewhere_are_used_over_tls_and_their_certificates_checked(
    elsewhere: dict[str, str],
) -> None:
    stranger = elsewhere.pop("stranger")
    env = {**os.environ, **PRODUCTION, **elsewhere, "DJANGO_SETTINGS_MODULE": "hetri.settings"}
    env.pop("HETRI_CELERY_BROKER_URL", None)
    done = subprocess.run([sys.executable, "-c", USE], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"database": "TLSv1.3", "cache": 1, "event": "7", "queued": 1}
    for url in (elsewhere["DATABASE_URL"].rpartition("=")[0] + f"={stranger}", _plain(elsewhere["DATABASE_URL"])):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)


def _plain(url: str) -> str:
    return url.partition("?")[0] + "?sslmode=disable"


PUBLISH = """
import django; django.setup()
from broker import publisher
from core.errors import Unavailable
try:
    publisher.require()
    publisher.publish("devices/hetri/telemetry", b'{"v":1}').wait_for_publish(5)
    print("published")
except Unavailable:
    print("away")
"""


def test_a_broker_elsewhere_is_used_over_tls_and_its_certificate_checked(tmp_path: Path) -> None:
    authority = broker.make_authority(tmp_path / "authority")
    stranger = broker.make_authority(tmp_path / "stranger")
    elsewhere = broker.Broker(tmp_path / "broker", authority)
    elsewhere.add("hetri")
    elsewhere.start()
    heard = broker.Server(elsewhere, "hetri", acknowledge=False)
    try:
        assert _publish(elsewhere.port, HETRI_MQTT_TLS="1", HETRI_MQTT_CA=str(stranger / "ca.pem")) == "away"
        assert not heard.messages
        assert _publish(elsewhere.port, HETRI_MQTT_TLS="1", HETRI_MQTT_CA=str(authority / "ca.pem")) == "published"
        wait_for(lambda: heard.messages == [("telemetry", {"v": 1}, False)])
    finally:
        heard.close()
        elsewhere.kill()


def _publish(port: int, **tls: str) -> str:
    said = {"HETRI_MQTT_HOST": "localhost", "HETRI_MQTT_PORT": str(port), "HETRI_MQTT_PASSWORD": broker.PASSWORD, **tls}
    env = {**os.environ, **PRODUCTION, **said, "DJANGO_SETTINGS_MODULE": "hetri.settings"}
    done = subprocess.run(
        [sys.executable, "-c", PUBLISH], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
