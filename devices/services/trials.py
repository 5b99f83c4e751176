"""Changes of who may connect to the broker, the irreversible step last (docs/decisions/steps.md).

with trial(credential) as change:      # others that want the same identity are refused meanwhile
    ...                                # cheap reasons to refuse
    change.load()                      # the broker acts on it; whatever fails now is taken back
    with transaction.atomic():
        change.keep()                  # together with what it is for
        ...
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext_lazy as _

from broker.errors import BrokerUnavailable
from broker.registry import Credential, registry
from core.errors import ApiError, Conflict
from devices.const import TRIAL_S

log = logging.getLogger(__name__)
_BEGIN = """
    INSERT INTO devices_brokertrial (ref, verifier, begun_at)
    SELECT ref, verifier, now() FROM unnest(%s::text[], %s::text[]) AS wanted (ref, verifier) ORDER BY ref
    ON CONFLICT (ref) DO UPDATE SET verifier = excluded.verifier, begun_at = excluded.begun_at
    WHERE devices_brokertrial.begun_at < now() - make_interval(secs => %s)
"""
_END = """
    DELETE FROM devices_brokertrial AS trial USING unnest(%s::text[], %s::text[]) AS mine (ref, verifier)
    WHERE trial.ref = mine.ref AND trial.verifier = mine.verifier
"""
_IN_TIME = " AND trial.begun_at > now() - make_interval(secs => %s)"


@dataclass
class Trial:
    """Identities that the broker is to let in, and to shut out (their refs)."""

    credentials: Sequence[Credential]
    removed: Sequence[str]
    loading: bool = field(default=False, init=False)

    @property
    def _lines(self) -> list[list[str]]:
        found = {one.ref: one.verifier for one in self.credentials} | dict.fromkeys(self.removed, "")
        return [list(found), list(found.values())]

    def _begin(self) -> None:
        refs, verifiers = self._lines
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_BEGIN, [refs, verifiers, TRIAL_S])
            if cursor.rowcount < len(refs):
                raise Conflict(_("Somebody else is changing this collar just now. Try again."))

    def load(self) -> None:
        """Have the broker act on it. Raises Unavailable when it does not within seconds."""
        if not (self.credentials or self.removed):
            return
        registry().require()
        self.loading = True
        if self.credentials:
            registry().provision(*self.credentials)
        if self.removed:
            registry().remove(*self.removed)

    def keep(self) -> None:
        """Say in the caller's transaction that it stays. Raises Unavailable when it took longer than a trial may."""
        lines = self._lines
        with connection.cursor() as cursor:
            cursor.execute(_END + _IN_TIME, [*lines, TRIAL_S])
            if cursor.rowcount < len(lines[0]):
                raise BrokerUnavailable

    def _take_back(self) -> None:
        """What cannot be undone now, since the database is away, is undone by time and `sync_broker`."""
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        with suppress(DatabaseError, ApiError), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_END, self._lines)
            if self.loading:
                transaction.on_commit(_sync)


def end_overdue() -> None:
    """Take back what nobody kept in time: its process died, or could not reach the database. Run by beat."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM devices_brokertrial WHERE begun_at < now() - make_interval(secs => %s)", [TRIAL_S])
        if cursor.rowcount:
            log.warning("trials_overdue", extra={"count": cursor.rowcount})
            transaction.on_commit(_sync)


def _sync() -> None:
    with suppress(DatabaseError, ApiError):
        registry().sync()


@contextmanager
def trial(*credentials: Credential, removed: Sequence[str] = ()) -> Iterator[Trial]:
    """Try a change on the broker; see above. Raises Conflict when somebody else changes one of these identities."""
    change = Trial(credentials, removed)
    change._begin()
    try:
        yield change
    except BaseException:
        change._take_back()
        raise
