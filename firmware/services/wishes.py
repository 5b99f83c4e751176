"""What a collar should run, compared with what it runs, each time it comes and each time an update of it ends.

So it does not matter who was away, busy, retired or not made yet when a release was rolled out.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import Q

from core.times import now
from devices.models import Device
from firmware.models import SERVER_REASONS, Release, UpdateJob
from firmware.services import jobs
from firmware.services.rollouts import BOARD_UNKNOWN, place

State = UpdateJob.State
# What a second try would not change.
FINAL_REASONS = ("unsupported", "other_board", "older", "bad_signature", "bad_manifest", "other_version")
TRIES = 2  # by themselves; a person may ask for more


@transaction.atomic
def reconcile(*, device_id: UUID, try_again: bool) -> None:
    """Offer the collar its open job, or a new one when it does not run what it should.

    With `try_again` a try that failed once is made once more.
    """
    device = Device.objects.in_use().filter(pk=device_id).first()
    if device is None:
        return
    wanted = wanted_release(device)
    job = UpdateJob.objects.running().filter(device=device).with_release().first()
    if job is not None and wanted is not None and job.release_id != wanted.pk and not wanted.paused:
        jobs.supersede(UpdateJob.objects.filter(pk=job.pk))
        job = UpdateJob.objects.running().filter(device=device).with_release().first()
    if job is not None:
        jobs.offer_again(job=job, board=device.board)
    elif wanted is not None and _is_missing(device, wanted, try_again=try_again):
        UpdateJob.objects.bulk_create([UpdateJob(release=wanted, device=device)], ignore_conflicts=True)
        jobs.offer(UpdateJob.objects.filter(release=wanted, device=device, state=State.QUEUED))


def wanted_release(device: Device) -> Release | None:
    """The release that was last rolled out to a share that this collar is in, or that it runs already."""
    boards = Q() if device.board == BOARD_UNKNOWN else Q(board=device.board)
    rolled_out = Release.objects.filter(boards, state=Release.State.PUBLISHED, percent__gt=0)
    mistaken = UpdateJob.objects.filter(device=device, reason="other_board").values("release")
    for release in rolled_out.exclude(pk__in=mistaken).order_by("-rolled_out_at"):
        if release.version == device.firmware_version or place(release.pk, device.pk) < release.percent:
            return release
    return None


def _is_missing(device: Device, wanted: Release, *, try_again: bool) -> bool:
    """Whether the collar runs something else, and it is worth a (further) try."""
    if wanted.paused or wanted.version == device.firmware_version:
        return False
    tried = list(UpdateJob.objects.filter(device=device, release=wanted).exclude(reason__in=SERVER_REASONS))
    if not tried:
        return True
    failed = all(job.state == State.FAILED and job.reason not in FINAL_REASONS for job in tried)
    return try_again and failed and len(tried) < TRIES


def end_of_retired(*, device_id: UUID) -> None:
    """A collar that is retired has no update before it."""
    retired = UpdateJob.objects.running().filter(device=device_id, device__retired_at__isnull=False)
    retired.update(state=State.FAILED, reason="retired", ended_at=now())
