import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from core import metrics
from hetri.ingest import Ingest


class Command(BaseCommand):
    help = "Store what collars send, and make rollups of it; runs until SIGTERM.  Example:  ./dev manage ingest"
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        metrics.serve("ingest")
        ingest = Ingest()
        ingest.start()
        stopping.wait()
        ingest.stop()
