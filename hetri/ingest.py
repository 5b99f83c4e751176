"""What the ingest process runs: the subscriber, and the rollups of what it stores."""

import threading

from broker.subscriber import Subscriber
from core import metrics
from core.heartbeat import beat_forever, live_forever
from hetri.subscriptions import ROUTES
from telemetry.services.rollups import RollupLoop


class Ingest:
    """Started and stopped by `manage.py ingest`."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._subscriber = Subscriber(ROUTES)
        self._rollups = threading.Thread(target=RollupLoop(self._stopping).run, name="rollups")

    def start(self) -> None:
        """Begin."""
        metrics.LAG.set_function(self._subscriber.lag_s)
        self._subscriber.start()
        self._rollups.start()
        live_forever("ingest", moves=self._rollups.is_alive)
        beat_forever("ingest", well=self._well, stop=self._stopping)

    def stop(self) -> None:
        """End in order: first what comes in, then what is made of it."""
        self._subscriber.stop()
        self._stopping.set()
        self._rollups.join(timeout=5)

    def _well(self) -> bool:
        return self._subscriber.alive and self._rollups.is_alive()
