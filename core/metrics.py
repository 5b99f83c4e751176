"""What this process counts, and the inner door at which Prometheus reads it (docs/operations.md lists every name).

Each process has its own figures and its own door, so that any number of them may run; the rules add them up.
"""

import json
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Metric, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TREAT = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
SIZES = (1, 2, 5, 10, 50, 100, 500, 1000, 2000)

REQUESTS = Counter("hetri_requests", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("hetri_request_seconds", "From a request to its answer's head.", ["route"], buckets=FAST)
SOCKETS = Gauge("hetri_sockets", "WebSockets that are open.")
TREAT_SECONDS = Histogram("hetri_treat_seconds", "From the tap to the result.", ["result"], buckets=TREAT)
TREAT_REACHED = Histogram(
    "hetri_treat_reached_seconds", "From the tap to the collar's word that it has it.", buckets=TREAT
)
SAMPLES = Counter("hetri_ingest_samples", "Samples stored, repeats too.")
BATCH = Histogram("hetri_ingest_batch_messages", "Telemetry messages stored together.", buckets=SIZES)
STORE_SECONDS = Histogram("hetri_ingest_store_seconds", "What it took to store a batch.", buckets=FAST)
LAG = Gauge("hetri_ingest_lag_seconds", "Age of the oldest telemetry message that is in hand and not yet stored.")
REJECTED = Counter("hetri_rejected", "Samples and messages that were refused.", ["reason"])
DROPPED = Counter("hetri_ingest_dropped", "Messages of collars above their quota, dropped unread.")
CUT = Counter("hetri_collars_cut", "Collars whose session was cut for sending too much.")
HEARTBEAT = Gauge("hetri_heartbeat_timestamp_seconds", "When the process was last well.", ["process"])


def count_request(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Count an answered request by its route (not its path: that holds ids)."""
    route = request.resolver_match.route if request.resolver_match else "none"
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(method, route, response.status_code).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def count_rejected(reason: str) -> None:
    """Count a refusal by the word before its particulars: `out_of_range: accel_x` is `out_of_range`."""
    REJECTED.labels(reason.partition(":")[0]).inc()


class Pool(Collector):
    """The process's pool of database connections."""

    def collect(self) -> Iterable[Metric]:
        """Connections by state, the most there may be, and who waits for one."""
        connection = connections["default"]
        pool = connection.pool if isinstance(connection, DatabaseWrapper) else None
        if pool is None:
            return
        stats = pool.get_stats()
        held = GaugeMetricFamily("hetri_pool_connections", "Database connections of the process.", labels=["state"])
        held.add_metric(["free"], stats.get("pool_available", 0))
        held.add_metric(["used"], stats.get("pool_size", 0) - stats.get("pool_available", 0))
        yield held
        yield GaugeMetricFamily("hetri_pool_max", "Database connections that it may hold.", value=stats["pool_max"])
        waiting = stats.get("requests_waiting", 0)
        yield GaugeMetricFamily("hetri_pool_waiting", "Threads that wait for a connection.", value=waiting)


def serve(name: str, *collectors: Collector) -> None:
    """Answer /metrics for this process, `name` to Prometheus, at METRICS_LISTEN; where that is empty, nowhere.

    Port 0 is any free one; var/metrics then holds a file that leads Prometheus to it.
    """
    if not settings.METRICS_LISTEN:
        return
    for collector in (Pool(), *collectors):
        REGISTRY.register(collector)
    host, _, port = settings.METRICS_LISTEN.rpartition(":")
    try:
        server, _ = start_http_server(int(port), host)
    except OSError as error:  # what is measured is worth more than the measuring
        log.error("metrics_not_served", extra={"where": settings.METRICS_LISTEN, "error": str(error)})
        return
    server.handle_error = _scraper_lost  # type: ignore[method-assign]
    if int(port) == 0:
        _tell(name, f"{host}:{server.server_port}")


def _scraper_lost(request: Any, client_address: Any) -> None:
    """Who asked did not wait for the answer; without this it is a traceback on stderr."""
    log.warning("metrics_scraper_lost", exc_info=True)


def _tell(name: str, address: str) -> None:
    """Write a file for Prometheus' file_sd; those of processes that are gone are taken away."""
    folder = settings.VAR_DIR / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{name}-*.json"):
        if not Path(f"/proc/{old.stem.rpartition('-')[2]}").exists():
            with suppress(FileNotFoundError):  # a sister took it away
                old.unlink()
    fresh = folder / f".{name}-{os.getpid()}"
    fresh.write_text(json.dumps([{"targets": [address], "labels": {"job": name}}]))
    fresh.rename(folder / f"{name}-{os.getpid()}.json")
