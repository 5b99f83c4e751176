"""Facts of no process in particular, for the metrics: fleet, streams, queue, database, broker, doors, disk, backup.

Read anew at each scrape. What does not answer is `hetri_up` 0, and its figures are left out.
"""

import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from celery import current_app
from cryptography import x509
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count
from kombu.exceptions import OperationalError as QueueAway
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from broker.sys_stats import BrokerFigures
from devices.models import Device
from streaming.models import StreamSession, Viewing
from streaming.services.streams import OPEN

T = TypeVar("T")
QUEUES = ("celery",)
DOOR_WAIT_S = 1.0
AWAY = (DatabaseError, RedisError, QueueAway, OSError)
_CONNECTIONS = """
    SELECT coalesce(state, 'none'), count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY 1
"""
_DATABASE = "SELECT pg_database_size(current_database()), current_setting('max_connections')::int"


class Facts(Collector):
    """Registered by the one process that tells them."""

    def __init__(self) -> None:
        self._broker = BrokerFigures()
        self._broker.start()

    def collect(self) -> Iterable[Metric]:
        """All of it."""
        up = GaugeMetricFamily("hetri_up", "Whether that part answers.", labels=["part"])
        for name, read in (("database", _database), ("redis", _queues)):
            found = _try(read)
            up.add_metric([name], found is not None)
            yield from found or []
        up.add_metric(["broker"], self._broker.connected)
        yield from self._broker.families()
        certificates = _gauge("hetri_certificate_expires_seconds", "Until the served certificate ends.", "door")
        for door, address in settings.TLS_DOORS.items():
            ends = _try(lambda: _served_until(address))  # noqa: B023
            up.add_metric([door], ends is not None)
            if ends is not None:
                certificates.add_metric([door], ends - time.time())
        yield from (certificates, up)
        yield from _files()

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked at the start: who is away then would hold it up."""
        return []


def _try(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except AWAY:
        return None


def _gauge(name: str, words: str, label: str, values: Mapping[str, float] | None = None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in (values or {}).items():
        family.add_metric([key], value)
    return family


def _database() -> list[Metric]:
    try:
        return [*_fleet(), *_server()]
    finally:
        connection.close()


def _fleet() -> Iterator[Metric]:
    collars = dict(Device.objects.values_list("status").annotate(Count("pk")).order_by())
    every = {status: collars.get(status, 0) for status in Device.Status.values}
    yield _gauge("hetri_collars", "Collars by their status.", "status", every)
    running = StreamSession.objects.filter(state__in=OPEN).values_list("state").annotate(Count("pk"))
    streams = {str(state): 0 for state in OPEN} | dict(running.order_by())
    yield _gauge("hetri_streams", "Cameras that are on, by state.", "state", streams)
    yield GaugeMetricFamily("hetri_streams_max", "Cameras that may be on.", value=settings.STREAMS_MAX)
    watching = Viewing.objects.filter(ended_at=None).count()
    yield GaugeMetricFamily("hetri_viewers", "Viewings that go on.", value=watching)


def _server() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTIONS)
        held = dict(cursor.fetchall())
        cursor.execute(_DATABASE)
        size, most = cursor.fetchone() or (0, 0)
    yield _gauge("hetri_database_connections", "Connections to the database, by state.", "state", held)
    yield GaugeMetricFamily("hetri_database_connections_max", "Connections that it takes.", value=most)
    yield GaugeMetricFamily("hetri_database_bytes", "Size of the database.", value=size)


def _queues() -> list[Metric]:
    with current_app.connection_for_read(connect_timeout=1) as queue:
        queue.ensure_connection(max_retries=1, interval_start=0)
        channel: Any = queue.default_channel  # of the Redis transport
        depths = {name: channel.client.llen(name) for name in QUEUES}
    return [_gauge("hetri_queue_depth", "Tasks that wait.", "queue", depths)]


def _served_until(address: str) -> float:
    """When the certificate that is served there ends, seconds since 1970. Raises OSError."""
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # its date is asked, not its truth
    with socket.create_connection((host, int(port)), DOOR_WAIT_S) as line, context.wrap_socket(line) as door:
        served = door.getpeercert(binary_form=True) or b""
        with suppress(OSError):  # a farewell, or the broker logs an error for each look
            door.unwrap()
    return x509.load_der_x509_certificate(served).not_valid_after_utc.timestamp()


def _files() -> Iterator[Metric]:
    disk = shutil.disk_usage(settings.VAR_DIR)
    yield GaugeMetricFamily("hetri_disk_bytes", "Size of the disk that holds the data.", value=disk.total)
    yield GaugeMetricFamily("hetri_disk_free_bytes", "What is free on it.", value=disk.free)
    every = settings.BACKUP_EVERY_S
    yield GaugeMetricFamily("hetri_backup_every_seconds", "Between base backups; 0: there are none.", value=every)
    told = settings.VAR_DIR / "backup"
    yield GaugeMetricFamily(
        "hetri_backup_age_seconds", "Since the last good backup.", value=_age(told / "last-success")
    )
    log_age = _age(told / "log-current")
    yield GaugeMetricFamily("hetri_backup_log_age_seconds", "Since the database's log was with it.", value=log_age)


def _age(path: Path) -> float | None:
    """Seconds since the file was touched; None without one."""
    return time.time() - path.stat().st_mtime if path.exists() else None
