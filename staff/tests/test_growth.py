"""Every table has a bound, named here, and what is to be dropped is dropped."""

import itertools
import os
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from accounts.models import SignInFailure, User, UserSession
from conftest import make_user
from core.errors import Conflict
from core.ids import floor_key, to_ms, uuid7
from core.models import RateCount
from core.times import now
from devices.models import Assignment, Device, SentCommand
from hetri.celery import app
from pets import services
from pets.models import Pet
from staff.models import AuditLine
from staff.tasks import prune
from staff.tests.conftest import make_device
from streaming.models import StreamSession, SupportGrant, Viewing
from treats.models import TreatEvent

pytestmark = pytest.mark.django_db
CODE = "a fixed number: what the code's migrations make"
PRUNED = "staff.tasks.prune, each hour: "
RETENTION = PRUNED + "with the retention (HETRI_RETENTION_DAYS)"
BOUNDS = {
    # people
    "accounts_user": PRUNED + "unconfirmed ones after 14 days; the others have confirmed an address",
    "account_emailaddress": "one a person",
    "account_emailconfirmation": "empty: the links are signed, not stored",
    "accounts_user_groups": "staff, by an administrator",
    "accounts_user_user_permissions": "staff, by an administrator",
    "accounts_usersession": PRUNED + "90 days after their end; HETRI_SESSIONS_PER_PERSON open ones a person",
    "accounts_signinfailure": PRUNED + "after 90 days; a row a person and day",
    "mfa_authenticator": "two a person: the app and the recovery codes",
    "django_session": PRUNED + "past their date, 30 days at most",
    "core_ratecount": PRUNED + "a day after their window",
    "core_keptanswer": "core.tasks.forget_answers, a day after it was asked; only a success keeps one",
    "core_clockmark": "one row",
    # pets and collars
    "pets_pet": "HETRI_PETS_PER_OWNER",
    "pets_petpicture": "one a pet, of a bounded size",
    "devices_device": "HETRI_DEVICES_PER_OWNER in use; made at HETRI_NEW_DEVICES_PER_HOUR at most; retired ones: "
    + PRUNED
    + "after 30 days when they never spoke, else with the retention",
    "devices_assignment": RETENTION + ", but the last of a collar",
    "devices_treatevent": RETENTION + "; one pending a collar",
    "devices_sentcommand": RETENTION + "; a row for each treat and each start of a stream",
    "devices_brokertrial": "one an identity, gone with its trial; devices.tasks.end_trials takes what nobody kept",
    "devices_batch": "staff, 1000 collars each: history that the operator keeps",
    "devices_batchsheet": "provisioning.tasks.resume_stalled_batches: an hour after the batch",
    "firmware_release": "an administrator's: history that the operator keeps",
    "firmware_updatejob": "a try of a collar and release: two by themselves, more by staff; goes with the collar",
    # samples
    "telemetry_sample": "telemetry.tasks.make_partitions drops its partitions with the retention",
    "telemetry_rollup": "telemetry.tasks.make_partitions, with the retention",
    "telemetry_rollupmark": "gone once its bucket is computed",
    "telemetry_rejectedmessage": "HETRI_REJECTED_PER_DEVICE, trimmed as they are written",
    # video
    "streaming_streamsession": RETENTION,
    "streaming_viewing": RETENTION + ", with its stream",
    "streaming_supportgrant": RETENTION,
    # the house
    "staff_auditline": "history that the operator keeps for good: append-only, a line for each write of a person",
    "staff_fleethour": "staff.tasks.count_fleet_hours: two days",
    "django_admin_log": "a line for each change of a person by an administrator: history that the operator keeps",
    "auth_group": CODE,
    "auth_group_permissions": CODE,
    "auth_permission": CODE,
    "django_content_type": CODE,
    "django_migrations": CODE,
}
_numbers = itertools.count()
LONG_AGO = datetime.fromisoformat("2001-01-01T00:00:00Z")


def _tables() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.table_names(cursor))


def test_every_table_of_the_database_has_a_bound() -> None:
    tables = {name for name in _tables() if not re.fullmatch(r"telemetry_sample_\d{8}", name)}
    assert tables - set(BOUNDS) == set(), "Say in BOUNDS what keeps it from growing without end."
    assert set(BOUNDS) - tables == set()


def test_every_task_and_setting_that_a_bound_names_is_there() -> None:
    app.loader.import_default_modules()
    scheduled = {about["task"] for about in settings.CELERY_BEAT_SCHEDULE.values()}
    for bound in BOUNDS.values():
        for task in re.findall(r"\b\w+(?:\.\w+)*\.tasks\.\w+", bound):
            assert task in scheduled, task
            assert task in app.tasks, task
        for name in re.findall(r"HETRI_\w+", bound):
            assert hasattr(settings, name.removeprefix("HETRI_")), name


def aged(row: Any, **times: Any) -> Any:
    """The row as if it had been written then."""
    type(row)._default_manager.filter(pk=row.pk).update(**times)
    return row


def _retired(days: float, **fields: Any) -> Device:
    device = make_device(make_user("alice"))
    Device.objects.filter(pk=device.pk).update(status="retired", retired_at=now() - timedelta(days=days), **fields)
    return device


def _session(**times: Any) -> UserSession:
    return UserSession.objects.create(user=make_user("alice"), kind="api", **{"expires_at": now(), **times})


def _unconfirmed(days: float) -> User:
    user = make_user("dora")
    EmailAddress.objects.filter(user=user).update(verified=False)
    return aged(user, created_at=now() - timedelta(days=days))


def _browser(days: float) -> Session:
    return Session.objects.create(session_key=uuid7().hex, session_data="", expire_date=now() - timedelta(days=days))


def _old_key() -> Any:
    return floor_key(to_ms(LONG_AGO) + next(_numbers))


def _treat(**fields: Any) -> TreatEvent:
    made = {"device": make_device(), "source": "owner", "expires_at": now(), "result": "dispensed"}
    return TreatEvent.objects.create(**made, **fields)


def _command(key: UUID) -> SentCommand:
    return SentCommand.objects.create(pk=key, device=make_device(), name="treat")


def _stream(**fields: Any) -> StreamSession:
    ended = {"state": "ended", "ended_at": now(), "key_expires_at": now()}
    return StreamSession.objects.create(device=make_device(), **ended, **fields)


def _grant(days: float, **fields: Any) -> SupportGrant:
    return SupportGrant.objects.create(device=make_device(), expires_at=now() - timedelta(days=days), **fields)


GOES: dict[str, Callable[[], Any]] = {
    "a browser's session past its date": lambda: _browser(1),
    "a sign-in that ended 91 days ago": lambda: _session(
        ended_at=now() - timedelta(days=91), expires_at=now() + timedelta(days=1)
    ),
    "a sign-in that ran out 91 days ago": lambda: _session(expires_at=now() - timedelta(days=91)),
    "a count of two days ago": lambda: RateCount.objects.create(
        key="x:y", window_start=now() - timedelta(days=2), count=1
    ),
    "failures of 91 days ago": lambda: SignInFailure.objects.create(
        user=make_user("alice"), day=now() - timedelta(days=91), last_at=now()
    ),
    "an account that nobody confirmed for 15 days": lambda: _unconfirmed(15),
    "a collar that never spoke, retired 31 days ago": lambda: _retired(31),
    "a collar that spoke, retired before the retention": lambda: _retired(401, last_seen=LONG_AGO),
    "a treat of before the retention": lambda: _treat(pk=_old_key()),
    "a command of before the retention": lambda: _command(_old_key()),
    "a stream of before the retention": lambda: _stream(pk=_old_key()),
    "leave of before the retention": lambda: _grant(401, pk=_old_key()),
}
STAYS: dict[str, Callable[[], Any]] = {
    "a browser's session": lambda: _browser(-1),
    "a sign-in that ended 89 days ago": lambda: _session(ended_at=now() - timedelta(days=89)),
    "an open sign-in": lambda: _session(expires_at=now() + timedelta(days=1)),
    "a count of today": lambda: RateCount.objects.create(key="x:z", window_start=now(), count=1),
    "an account that nobody confirmed for 13 days": lambda: _unconfirmed(13),
    "a person who never came": lambda: aged(make_user("alice"), created_at=LONG_AGO),
    "staff whose address is not confirmed": lambda: aged(
        User.objects.create(email="root@example.com", name="Root", role="staff"), created_at=LONG_AGO
    ),
    "a collar that never spoke, retired 29 days ago": lambda: _retired(29),
    "a collar that spoke, retired 31 days ago": lambda: _retired(31, last_seen=now()),
    "a collar that never spoke": lambda: aged(make_device(make_user("alice")), created_at=LONG_AGO),
    "a treat of today": _treat,
    "a command of today": lambda: _command(uuid7()),
    "a stream of today": _stream,
    "a stream that never ended": lambda: aged(_stream(pk=_old_key()), state="live", ended_at=None),
    "leave of today": lambda: _grant(-1),
}


@pytest.mark.parametrize("what", GOES)
def test_what_is_over_goes(what: str) -> None:
    row = GOES[what]()
    prune()
    assert not type(row)._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("what", STAYS)
def test_what_is_not_over_stays(what: str) -> None:
    row = STAYS[what]()
    prune()
    assert type(row)._default_manager.filter(pk=row.pk).exists()


def test_a_retired_collar_goes_with_its_history_and_the_trail_stays() -> None:
    device = _retired(401, last_seen=LONG_AGO)
    stream = StreamSession.objects.create(device=device, state="ended", ended_at=now(), key_expires_at=now())
    grant = SupportGrant.objects.create(device=device, expires_at=now())
    Viewing.objects.create(stream=stream, grant=grant, source="api")
    TreatEvent.objects.create(device=device, source="owner", expires_at=now(), result="dispensed")
    prune()
    assert not Device.objects.filter(pk=device.pk).exists()
    assert not TreatEvent.objects.filter(device=device.pk).exists()
    assert AuditLine.objects.filter(subject_id=device.pk, action="delete").exists()


def test_who_had_a_collar_last_stays_known() -> None:
    device, alice = make_device(), make_user("alice")
    first, last = (
        Assignment.objects.create(device=device, owner=alice, started_at=LONG_AGO, ended_at=LONG_AGO) for _ in "ab"
    )
    prune()
    assert list(Assignment.objects.filter(device=device)) == [last]
    assert first.pk < last.pk


def test_a_letter_that_lies_in_the_folder_for_a_month_goes(settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_FILE_PATH = str(tmp_path)
    old, new = tmp_path / "old.log", tmp_path / "new.log"
    for file in (old, new):
        file.write_text("Subject: Hello")
    os.utime(old, (0, 0))
    prune()
    assert (old.exists(), new.exists()) == (False, True)


def test_an_owner_has_so_many_pets(settings: Any) -> None:
    settings.PETS_PER_OWNER, alice = 2, make_user("alice")
    for name in ("Rex", "Luna"):
        services.create_pet(owner=alice, fields={"name": name})
    with pytest.raises(Conflict) as refused:
        services.create_pet(owner=alice, fields={"name": "One more"})
    assert refused.value.code == "too_many"
    browser = Client()
    browser.force_login(alice)
    fields = {"name": "Bo", "species": "dog", "time_zone": "UTC"}
    assert "An account can have 2 pets." in browser.post("/pet/add", fields).content.decode()
    assert Pet.objects.filter(owner=alice).count() == 2
