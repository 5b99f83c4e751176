"""ingest, ingest_cpu: messages that wait in the broker, drained into PostgreSQL; the floor is COPY of the same rows."""

import json
import subprocess
import sys
import time
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
from django.conf import settings
from django.db import connection
from paho.mqtt.enums import CallbackAPIVersion

from broker.publisher import set_up
from core.ids import to_ms
from core.times import now
from devices.models import Device
from ops.processes import cpu_s
from telemetry.models import Sample
from tools.benchmarks.people import make_devices, make_owner
from tools.benchmarks.report import report
from tools.testing import wait_for

DEVICES, EACH = 100, 600
TOTAL = DEVICES * EACH
COPY_TYPES = ["uuid", "uuid", "timestamptz", "timestamptz", "varchar", "int8", *["float8"] * 4, *["int4"] * 4]


def run() -> None:
    """Fill the queue of a stopped ingest process, start it, and watch the table."""
    owner, _ = make_owner()
    devices = [device for device, _ in make_devices(owner, DEVICES)]
    _leave_session()
    _fill_queue(devices)
    drained_s, used_s = _drain()
    rate, message_cpu = TOTAL / drained_s, used_s / TOTAL
    copy_s, copy_cpu_s = _copy_floor()
    floor, row_cpu = TOTAL / copy_s, copy_cpu_s / TOTAL
    report("ingest", rate / floor, (rate, "rows/s"), (floor, "rows/s"), messages=TOTAL, devices=DEVICES)
    report("ingest_cpu", message_cpu / row_cpu, (message_cpu * 1e6, "us/message"), (row_cpu * 1e6, "us/row"))


def _start_ingest() -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "ingest"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _leave_session() -> None:
    """Run the process once: it leaves its persistent session behind, in which the messages wait."""
    beat = settings.VAR_DIR / "heartbeat" / "ingest"
    beat.unlink(missing_ok=True)
    process = _start_ingest()
    wait_for(beat.exists, 30)
    _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)


def _fill_queue(devices: list[Device]) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench", protocol=mqtt.MQTTv5)
    set_up(client)
    client.max_inflight_messages_set(1000)
    client.connect(settings.MQTT_HOST, settings.MQTT_PORT)
    client.loop_start()
    start = to_ms(now()) - EACH * 60_000
    for number in range(EACH):
        for device in devices:
            payload = _message(number, start + number * 60_000)
            sent = client.publish(f"devices/{device.pk}/telemetry", payload, qos=1)
        sent.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()


def _message(number: int, ts: int) -> bytes:
    felt = {"sd_mg": 212, "odba_mg": 140, "active_s": 31, "steps": 18}
    sample = {"seq": number, "ts": ts, "accel_x": 0.01, "accel_y": -0.98, "accel_z": 0.12, "battery_level": 87.5}
    body = {"v": 1, "boot": "9f3a61c2", "batch": number, "ack": True, "samples": [{**sample, "activity": felt}]}
    return json.dumps(body).encode()


def _stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM telemetry_sample WHERE boot = '9f3a61c2'")
        return int(cursor.fetchone()[0])


def _drain() -> tuple[float, float]:
    """Seconds and CPU seconds between the first rows and the last."""
    process = _start_ingest()
    try:
        while (first := _stored()) == 0:
            time.sleep(0.005)
        began, cpu = time.monotonic(), cpu_s(process.pid)
        while (stored := _stored()) < TOTAL:
            time.sleep(0.05)
        seconds, used = time.monotonic() - began, cpu_s(process.pid) - cpu
        share = TOTAL / (stored - first)
        return seconds * share, used * share
    finally:
        _end(process)


def _copy_floor() -> tuple[float, float]:
    """Seconds and client CPU seconds of binary COPY of the same rows, 1000 a batch, by psycopg's own writer."""
    fields = Sample._meta.concrete_fields
    names = [field.attname for field in fields]
    columns = [str(field.column) for field in fields]
    rows: list[Any] = list(Sample.objects.order_by("received_at", "id").values_list(*names))
    with psycopg.connect(_conninfo()) as copier:
        copier.execute("CREATE TABLE floor (LIKE telemetry_sample INCLUDING ALL)")
        copier.commit()
        began, cpu = time.monotonic(), time.process_time()
        for first in range(0, len(rows), 1000):
            command = f"COPY floor ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
            with copier.cursor() as cursor, cursor.copy(command) as copy:
                copy.set_types(COPY_TYPES)
                for row in rows[first : first + 1000]:
                    copy.write_row(row)
            copier.commit()
        taken = time.monotonic() - began, time.process_time() - cpu
        copier.execute("DROP TABLE floor")
    return taken


def _conninfo() -> str:
    """The same database, without Django."""
    here = connection.get_connection_params()
    return psycopg.conninfo.make_conninfo(dbname=here["dbname"], user=here["user"], host=here["host"])
