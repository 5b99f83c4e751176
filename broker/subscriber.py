"""The workers of ingest: each message acknowledged after it is committed, and not before.

Two sessions, since the broker hands out in one line what is for one: a treat's answer must not wait behind telemetry.
Behind them a lane for each collar (broker/lanes.py) and four workers: recent telemetry in batches of all collars;
late telemetry and status in turns of one collar; and one that ends the sessions of collars that send too much.
"""

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from django.conf import settings
from django.db import OperationalError, connections

from broker import topics
from broker.bulk_client import publish_packet
from broker.commands import Acknowledgement
from broker.intake import Intake
from broker.lanes import Lanes
from broker.messages import Message, Receipt, Refused, Stored
from core import metrics

log = logging.getLogger(__name__)
T = TypeVar("T")
BATCH_MOST = 2000  # messages
# Bytes of a batch: BATCH_MOST small messages, or 95 of 16 KiB (10,000 samples), which is about 0.1 s. Where it takes
# longer than BATCH_S, the next is smaller: who sends one sample meanwhile waits for two batches at the most.
BATCH_WORK, BATCH_WORK_LEAST = 1_600_000, 160_000
BATCH_S = 0.25
BATCH_WAIT_S = 0.05
LATE_TURN = 4  # messages of one collar, 400 samples: each may touch another day's partition
STATUS_TURN = 500  # messages of one collar: presence among them is folded
RESULTS_TURN = 8  # of which each is work of its own
BACKOFF_MOST_S = 1.0
SERVER_FAULT = "server_fault"  # not the collar's: the log has the traceback


@dataclass(frozen=True)
class Routes:
    """Who handles what; the one table of it is hetri/subscriptions.py."""

    telemetry: Callable[[Sequence[Message]], Stored]  # what is late is given back
    late: Callable[[Sequence[Message]], list[Receipt]]  # of one collar
    status: Callable[[Sequence[Message]], list[Refused]]  # of one collar
    quarantine: Callable[[Sequence[Refused]], None]
    cut: Callable[[Message, str], None]  # end the session of who sent it


def is_result(payload: bytes) -> bool:
    """Whether it may be more than presence; an escaped key counts, since it could be one."""
    return b'"command"' in payload or b'"update"' in payload or b"\\" in payload


class Subscriber:
    """Runs until `stop`; `alive` says whether broker and database both answer."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._stopping = threading.Event()
        self._database_fine = True
        self._telemetry, self._late, self._status = Lanes(), Lanes(), Lanes(is_result)
        self._over: queue.SimpleQueue[Refused] = queue.SimpleQueue()
        self._oldest_ms = 0  # when the oldest telemetry message in hand came, ms since 1970; 0 without one
        lanes = {topics.TELEMETRY: self._telemetry, topics.STATUS: self._status}
        name = settings.MQTT_CLIENT_ID
        self._telemetry_intake = Intake(name, topics.TELEMETRY, lanes, self._is_over)
        self._status_intake = Intake(f"{name}-status", topics.STATUS, lanes, self._is_over)
        self._intakes = (self._telemetry_intake, self._status_intake)
        works = (self._store_telemetry, self._store_late, self._handle_status, self._cut_off)
        self._threads = [threading.Thread(target=self._run, args=(work,), name=work.__name__) for work in works]

    def start(self) -> None:
        """Connect and work; a broker or database that is away is waited for."""
        for intake in self._intakes:
            intake.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop within seconds; what is not acknowledged comes again."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=8)
        for intake in self._intakes:
            intake.stop()

    @property
    def alive(self) -> bool:
        """Whether messages flow."""
        connected = all(intake.alive for intake in self._intakes)
        return connected and self._database_fine and not self._stopping.is_set()

    def lag_s(self) -> float:
        """How long the oldest telemetry message in hand has waited to be stored."""
        oldest = self._oldest_ms
        return time.time() - oldest / 1000 if oldest else 0.0

    # --- workers ------------------------------------------------------------------------------------

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.exception("subscriber_thread_died", extra={"thread": work.__name__})
            self._stopping.set()
            os.kill(os.getpid(), signal.SIGTERM)  # who supervises us starts a fresh process
        finally:
            connections.close_all()

    def _store_telemetry(self) -> None:
        work = BATCH_WORK
        while not self._stopping.is_set():
            batch = self._telemetry.take_batch(BATCH_MOST, work, BATCH_WAIT_S)
            if not batch:
                continue
            self._oldest_ms = min(message.received_ms for message in batch)
            begun = time.monotonic()
            stored = self._until_stored(lambda: self._store(batch))  # noqa: B023
            took = time.monotonic() - begun
            work = min(BATCH_WORK, max(BATCH_WORK_LEAST, int(work * BATCH_S / took)))
            metrics.STORE_SECONDS.observe(took)
            metrics.BATCH.observe(len(batch))
            self._oldest_ms = 0
            if stored is not None:
                self._put_late(stored.late)
                later = {id(message) for message in stored.late}
                self._acknowledge([one for one in batch if id(one) not in later] if later else batch, stored.receipts)

    def _store_late(self) -> None:
        while not self._stopping.is_set():
            turn = self._late.take_turn(LATE_TURN, LATE_TURN)
            if turn:
                receipts = self._until_stored(lambda: self._store(turn, self._store_as_late))  # noqa: B023
                if receipts is not None:
                    self._acknowledge(turn, receipts.receipts)

    def _handle_status(self) -> None:
        while not self._stopping.is_set():
            turn = self._status.take_turn(STATUS_TURN, RESULTS_TURN)
            if not turn:
                continue
            if self._until_stored(lambda: self._take_over(turn)):  # noqa: B023
                self._acknowledge(turn, [])

    def _cut_off(self) -> None:
        """In a thread of its own: the broker's file takes its time, and nobody else's messages wait for it."""
        while not self._stopping.is_set():
            try:
                message, why = self._over.get(timeout=0.5)
            except queue.Empty:
                continue
            self._until_stored(lambda: self._cut(message, why))  # noqa: B023

    def _cut(self, message: Message, why: str) -> bool:
        self._routes.quarantine([(message, why)])
        self._routes.cut(message, why)
        return True

    def _put_late(self, late: Sequence[Message]) -> None:
        if not late:
            return
        self._late.put(late)
        while (hog := self._late.excess()) and (held := self._late.newest(hog)):
            self._telemetry_intake.cut_off(held, "too_much_waiting")

    def _is_over(self, message: Message, why: str) -> None:
        """From the network's thread, too: only what takes no time."""
        if message.topic.endswith(topics.TELEMETRY):
            self._telemetry_intake.acknowledge(self._late.clear(message.device_id))
        self._over.put((message, why))

    def _store_as_late(self, turn: Sequence[Message]) -> Stored:
        return Stored(self._routes.late(turn))

    def _store(self, batch: Sequence[Message], store: Callable[[Sequence[Message]], Stored] | None = None) -> Stored:
        """Store a batch; a message that we fail at is found by halves and set aside, the others are stored."""
        try:
            return (store or self._routes.telemetry)(batch)
        except OperationalError:
            raise
        except Exception:
            if len(batch) > 1:
                first, second = (self._store(half, store) for half in _halves(batch))
                return Stored(first.receipts + second.receipts, first.late + second.late)
            log.exception("message_failed", extra={"topic": batch[0].topic})
            self._routes.quarantine([(batch[0], SERVER_FAULT)])
            return Stored()

    def _take_over(self, turn: Sequence[Message]) -> bool:
        """Handle a collar's status messages; one that we fail at is found by halves and set aside."""
        try:
            refused = self._routes.status(turn)
        except OperationalError:
            raise
        except Exception:
            if len(turn) > 1:
                first, second = _halves(turn)
                return self._take_over(first) and self._take_over(second)
            log.exception("message_failed", extra={"topic": turn[0].topic})
            refused = [(turn[0], SERVER_FAULT)]
        if refused:
            self._routes.quarantine(refused)
        return True

    def _until_stored(self, work: Callable[[], T]) -> T | None:
        """Run `work` until the database takes it; None when we stop first. The messages stay unacknowledged."""
        delay = 0.1
        while not self._stopping.is_set():
            try:
                result = work()
            except OperationalError as error:
                self._database_fine = False
                log.warning("database_away", extra={"error": str(error).strip(), "retry_s": delay})
                connections.close_all()
                self._excuse_all()
                self._stopping.wait(delay)
                delay = min(delay * 2, BACKOFF_MOST_S)
            else:
                self._database_fine = True
                return result
        return None

    def _excuse_all(self) -> None:
        for lanes in (self._telemetry, self._late, self._status):
            lanes.excuse()

    def _acknowledge(self, batch: Sequence[Message], receipts: Sequence[Receipt]) -> None:
        """Tell the broker that these are done, and the collars that their batches are stored; one write."""
        answers = b"".join(
            publish_packet(topics.acknowledgement(receipt.topic), _receipt_json(receipt)) for receipt in receipts
        )
        self._telemetry_intake.acknowledge(batch, answers)
        self._status_intake.acknowledge(batch)


def _halves(batch: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message]]:
    half = len(batch) // 2
    return batch[:half], batch[half:]


def _receipt_json(receipt: Receipt) -> bytes:
    told = Acknowledgement(boot=receipt.boot, batch=receipt.batch, stored=receipt.stored, rejected=receipt.rejected)
    return msgspec.json.encode(told)
