"""One collar's update: offered, told of, ended. Every move is one guarded UPDATE."""

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from broker import publisher
from broker.commands import CancelUpdate, Command, InstallUpdate
from core.times import now
from devices.models import Device
from firmware import tokens
from firmware.models import Release, UpdateJob, UpdateJobQuerySet

State = UpdateJob.State
EARLY = (State.QUEUED, State.OFFERED, State.DOWNLOADING)  # the collar still runs what it ran
OPEN = (*EARLY, State.INSTALLED)
# From which states a collar's word leads there.
BEFORE = {
    State.DOWNLOADING: (State.QUEUED, State.OFFERED),
    State.INSTALLED: EARLY,
    State.CONFIRMED: OPEN,
    State.FAILED: OPEN,
    State.ROLLED_BACK: OPEN,
}
ENDS = (State.CONFIRMED, State.FAILED, State.ROLLED_BACK)


def offer(waiting: UpdateJobQuerySet) -> None:
    """Tell the collars that are online; the others hear of it when they come."""
    there = waiting.filter(device__status=Device.Status.ONLINE, device__retired_at=None)
    found = list(there.with_release())
    moved = UpdateJob.objects.filter(pk__in=[job.pk for job in found], state=State.QUEUED)
    moved.update(state=State.OFFERED, offered_at=now())
    _after_commit((job.device_id, _install(job)) for job in found)


def offer_again(*, device_id: UUID) -> None:
    """A collar came online: it hears of its open job, from wherever it is."""
    job = UpdateJob.objects.filter(device=device_id, state__in=OPEN).with_release().first()
    if job is None or (job.release.paused and job.state == State.QUEUED):
        return
    board = Device.objects.values_list("board", flat=True).get(pk=device_id)
    if board not in ("", job.release.board):  # it says its board since the job was made
        return end_job(job=job, reason="other_board")
    UpdateJob.objects.filter(pk=job.pk, state=State.QUEUED).update(state=State.OFFERED, offered_at=now())
    _after_commit([(job.device_id, _install(job))])


def call_back(offered: QuerySet[UpdateJob]) -> None:
    """Jobs that no collar has begun wait again."""
    found = list(offered)
    UpdateJob.objects.filter(pk__in=[job.pk for job in found], state=State.OFFERED).update(state=State.QUEUED)
    _after_commit((job.device_id, _cancel(job)) for job in found)


def end_job(*, job: UpdateJob, reason: str) -> None:
    """End a job that is not installed yet."""
    if UpdateJob.objects.filter(pk=job.pk, state__in=EARLY).update(state=State.FAILED, reason=reason, ended_at=now()):
        _after_commit([(job.device_id, _cancel(job))])


@transaction.atomic
def record_report(*, device_id: UUID, job_id: UUID, state: str, reason: str, at: datetime) -> UUID | None:
    """Apply what a collar reports of its job. The release's id when the job has ended badly by it."""
    own = UpdateJob.objects.filter(pk=job_id, device=device_id)
    if state == "waiting":
        own.filter(state__in=(State.QUEUED, State.OFFERED)).update(state=State.OFFERED, reason=reason)
        return None
    if state not in BEFORE:
        return None
    moment = "ended_at" if state in ENDS else f"{state}_at"
    if not own.filter(state__in=BEFORE[State(state)]).update(state=state, reason=reason, **{moment: at}):
        return None
    return own.values_list("release", flat=True).get() if state in (State.FAILED, State.ROLLED_BACK) else None


def release_of(*, job_id: UUID, token: str) -> Release | None:
    """The release of an open job, for who knows the job's address."""
    if not tokens.matches(job_id, token):
        return None
    return Release.objects.filter(jobs__pk=job_id, jobs__state__in=OPEN).first()


def _install(job: UpdateJob) -> InstallUpdate:
    where = urlsplit(settings.PUBLIC_URL)
    return InstallUpdate(
        job=job.pk,
        version=job.release.version,
        host=where.hostname or "",
        port=where.port or 443,
        path=tokens.path_of(job.pk),
    )


def _cancel(job: UpdateJob) -> CancelUpdate:
    return CancelUpdate(job=job.pk)


def _after_commit(commands: Iterable[tuple[UUID, Command]]) -> None:
    made = list(commands)

    def send() -> None:
        for device_id, command in made:
            publisher.send_command(device_id, command)

    transaction.on_commit(send)
