"""A release's way to the collars: a share of them at a time, and no further when too many fail."""

import hashlib
import logging
from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict
from core.locks import Lock, hold_until_commit
from core.times import now
from devices.models import Device
from firmware.models import OWN_REASONS, SERVER_REASONS, Release, UpdateJob
from firmware.services import jobs

log = logging.getLogger(__name__)
State = UpdateJob.State
# Older programs do not say it. They are offered the release: a collar refuses a program for another board.
BOARD_UNKNOWN = ""


def publish(*, release: Release) -> None:
    """Let it be rolled out. Raises Conflict."""
    drafts = Release.objects.filter(pk=release.pk, state=Release.State.DRAFT)
    if not drafts.update(state=Release.State.PUBLISHED, published_at=now()):
        raise Conflict(_("Only a draft can be published."), code="not_draft")


@transaction.atomic
def roll_out(*, release: Release, percent: int) -> int:
    """Give it to that share of all collars of its board, 1 to 100 %, those before included; how many jobs are new.

    The same share once more tries again where it failed. Raises Conflict.
    """
    hold_until_commit(Lock.ROLLOUTS)
    found = Release.objects.select_for_update().get(pk=release.pk)
    if found.state != Release.State.PUBLISHED:
        raise Conflict(_("Only a published release can be rolled out."), code="not_published")
    if found.paused:
        raise Conflict(_("This rollout is paused."), code="paused")
    if percent < found.percent:
        text = format_lazy(_("It is rolled out to {n} % already, and is not taken back."), n=found.percent)
        raise Conflict(text, code="further_already")
    Release.objects.filter(pk=found.pk).update(percent=percent, rolled_out_at=now())
    chosen = [pk for pk in _without(found, failed_too=percent == found.percent) if place(found.pk, pk) < percent]
    jobs.supersede(UpdateJob.objects.filter(device__in=chosen).exclude(release=found))
    fresh = [UpdateJob(release=found, device_id=pk) for pk in chosen]
    # One that is installing another has the right of way; it is looked at again when that has ended.
    made = UpdateJob.objects.bulk_create(fresh, ignore_conflicts=True)
    jobs.offer(UpdateJob.objects.filter(release=found, state=State.QUEUED))
    log.info("rolled_out", extra={"release": found.pk, "percent": percent, "jobs": len(made)})
    return UpdateJob.objects.filter(pk__in=[job.pk for job in made]).count()


def retry(*, release: Release) -> int:
    """Try it again where it failed; how many jobs are new. Raises Conflict."""
    current = Release.objects.values_list("percent", flat=True).get(pk=release.pk)
    if not current:
        raise Conflict(_("It is rolled out to nobody yet."), code="not_rolled_out")
    return roll_out(release=release, percent=current)


def _without(release: Release, *, failed_too: bool) -> list[UUID]:
    """Collars in use, of its board as far as they say theirs, that neither run it nor have, or had, a job of it."""
    had = UpdateJob.objects.filter(release=release).exclude(reason__in=SERVER_REASONS)
    if failed_too:
        had = had.exclude(state__in=jobs.BAD_ENDS)
    return list(
        Device.objects.in_use()
        .filter(board__in=(release.board, BOARD_UNKNOWN))
        .exclude(firmware_version=release.version)
        .exclude(pk__in=had.values("device"))
        .values_list("pk", flat=True)
    )


def place(release: UUID, device: UUID) -> float:
    """Where this collar stands in this rollout, 0 to 100: another place in each, the same whenever it is asked."""
    digest = hashlib.sha256(release.bytes + device.bytes).digest()
    return int.from_bytes(digest[:4]) / 2**32 * 100


@transaction.atomic
def pause(*, release: Release) -> None:
    """Offer it to nobody more; who downloads already goes on. Raises Conflict."""
    running = Release.objects.filter(pk=release.pk, state=Release.State.PUBLISHED, paused=False)
    if not running.update(paused=True):
        raise Conflict(_("This rollout does not run."), code="not_running")
    jobs.call_back(UpdateJob.objects.filter(release=release, state=State.OFFERED))


@transaction.atomic
def resume(*, release: Release) -> None:
    """Go on after a pause. Raises Conflict."""
    held = Release.objects.filter(pk=release.pk, state=Release.State.PUBLISHED, paused=True)
    if not held.update(paused=False):
        raise Conflict(_("This rollout is not paused."), code="not_paused")
    jobs.offer(UpdateJob.objects.filter(release=release, state=State.QUEUED))


@transaction.atomic
def withdraw(*, release: Release) -> None:
    """Take it back: jobs that have not installed it end. Raises Conflict."""
    hold_until_commit(Lock.ROLLOUTS)
    present = Release.objects.filter(pk=release.pk).exclude(state=Release.State.WITHDRAWN)
    if not present.update(state=Release.State.WITHDRAWN, withdrawn_at=now()):
        raise Conflict(_("It is withdrawn already."), code="withdrawn")
    for job in UpdateJob.objects.filter(release=release, state__in=jobs.EARLY):
        jobs.end_job(job=job, reason="withdrawn")


def watch(*, release_id: UUID) -> None:
    """Pause the rollout when it has failed on more than its share of collars; the last try of each counts."""
    release = Release.objects.get(pk=release_id)
    tries = UpdateJob.objects.filter(release=release).exclude(reason__in=OWN_REASONS)
    counted = UpdateJob.objects.filter(pk__in=tries.order_by("device", "-id").distinct("device").values("pk"))
    failed = counted.filter(state__in=jobs.BAD_ENDS).count()
    if release.paused or release.state != Release.State.PUBLISHED or not failed:
        return
    if failed * 100 > release.fail_percent * counted.count():
        pause(release=release)
        log.warning("rollout_paused", extra={"release": release.pk, "failed": failed})


# What staff do to a release, by the name that the API and the admin call it; the number is for roll_out.
ACTS: dict[str, Callable[[Release, int], object]] = {
    "publish": lambda release, percent: publish(release=release),
    "roll_out": lambda release, percent: roll_out(release=release, percent=percent),
    "retry": lambda release, percent: retry(release=release),
    "pause": lambda release, percent: pause(release=release),
    "resume": lambda release, percent: resume(release=release),
    "withdraw": lambda release, percent: withdraw(release=release),
}
