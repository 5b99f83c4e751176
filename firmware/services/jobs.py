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
BAD_ENDS = (State.FAILED, State.ROLLED_BACK)
ENDS = (State.CONFIRMED, *BAD_ENDS)


def offer(waiting: UpdateJobQuerySet) -> None:
    """Tell the collars that are online; the others hear of it when they come."""
    there = waiting.filter(device__status=Device.Status.ONLINE, device__retired_at=None)
    found = list(there.with_release())
    moved = UpdateJob.objects.filter(pk__in=[job.pk for job in found], state=State.QUEUED)
    moved.update(state=State.OFFERED, offered_at=now())
    _after_commit((job.device_id, _install(job)) for job in found)


def offer_again(*, job: UpdateJob, board: str) -> None:
    """A collar of that board came online: it hears of its open job, from wherever it is."""
    if job.release.paused and job.state == State.QUEUED:
        return
    if board not in ("", job.release.board):  # it says its board since the job was made
        return end_job(job=job, reason="other_board")
    UpdateJob.objects.filter(pk=job.pk, state=State.QUEUED).update(state=State.OFFERED, offered_at=now())
    _after_commit([(job.device_id, _install(job))])


def supersede(found: QuerySet[UpdateJob]) -> None:
    """End those of these that no collar has begun: it is to run something else."""
    for job in found.filter(state__in=(State.QUEUED, State.OFFERED)):
        end_job(job=job, reason="superseded")


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
def record_report(*, device_id: UUID, job_id: UUID, state: str, reason: str, at: datetime) -> UpdateJob | None:
    """Apply what a collar reports of its job. The job when it has ended by it.

    One that failed may pause its rollout, so the release is taken before the job, as by who rolls it out.
    """
    own = UpdateJob.objects.filter(pk=job_id, device=device_id)
    if state == "waiting":
        own.filter(state__in=(State.QUEUED, State.OFFERED)).update(state=State.OFFERED, reason=reason)
        return None
    if state not in BEFORE:
        return None
    if state in BAD_ENDS:
        list(Release.objects.filter(jobs__in=own).select_for_update(no_key=True).values_list("pk"))
    moment = "ended_at" if state in ENDS else f"{state}_at"
    if not own.filter(state__in=BEFORE[State(state)]).update(state=state, reason=reason, **{moment: at}):
        return None
    return own.get() if state in ENDS else None


def release_of(*, job_id: UUID, token: str) -> Release | None:
    """The release of an open job, for who knows the job's address."""
    if not tokens.matches(job_id, token):
        return None
    released = Release.objects.exclude(state=Release.State.WITHDRAWN)
    return released.filter(jobs__pk=job_id, jobs__state__in=OPEN).first()


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
