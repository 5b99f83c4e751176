"""Who gave a collar away and got it back sees both of their times, by API and page alike; nothing of the time between."""

from datetime import datetime, timedelta

import pytest

from accounts.models import User
from core.times import now
from devices.models import Assignment, Device
from devices.selectors import Windows, windows_of
from pages.tests.conftest import make_collar, make_treat, make_viewing, signed_in
from pets.models import Pet
from streaming.models import Viewing
from telemetry.models import Rollup

DAY = timedelta(days=1)
PORTIONS = {"first": 1, "between": 2, "again": 3}


@pytest.fixture
def times() -> dict[str, datetime]:
    at = now()
    return {"first": at - 20 * DAY, "between": at - 10 * DAY, "again": at - timedelta(hours=1)}


@pytest.fixture
def returned(owner: User, stranger: User, rex: Pet, times: dict[str, datetime]) -> Device:
    """Alice's, then Bob's for some days, then hers again; something of each kind in each time."""
    given, back = times["between"] - DAY, times["between"] + DAY
    device = make_collar(owner, rex, status="online", last_seen=now(), owned_since=back)
    Assignment.objects.create(device=device, owner=owner, ended_at=given)
    Assignment.objects.create(device=device, owner=stranger, started_at=given, ended_at=back)
    for name, at in times.items():
        seconds = (now() - at).total_seconds()
        make_treat(device, ago_s=seconds, portion=PORTIONS[name])
        viewing = make_viewing(device, owner, seconds=30)
        Viewing.objects.filter(pk=viewing.pk).update(first_seen=at, last_seen=at + timedelta(seconds=30), ended_at=at)
    return device


def test_the_windows_are_the_persons_own(
    owner: User, stranger: User, returned: Device, times: dict[str, datetime]
) -> None:
    def seen(user: User) -> list[str]:
        windows = windows_of(user, returned)
        return [name for name, at in times.items() if windows.contain(at)]

    assert seen(owner) == ["first", "again"]
    assert seen(stranger) == ["between"]


def test_staff_see_all_of_it(staff: User, returned: Device) -> None:
    assert windows_of(staff, returned) == Windows(((None, None),))


def test_api_and_pages_show_the_same_treats(owner: User, returned: Device) -> None:
    client = signed_in(owner)
    listed = client.get(f"/devices/{returned.pk}/treats").json()["results"]
    assert [event["portion"] for event in listed] == [3, 1]
    page = client.get(f"/collar/{returned.pk}/treats").content.decode()
    assert [f"{number} portions" in page for number in (2, 3)] == [False, True]


def test_api_and_pages_show_the_same_viewers(owner: User, returned: Device) -> None:
    client = signed_in(owner)
    listed = client.get(f"/devices/{returned.pk}/viewings").json()["results"]
    assert len(listed) == 2
    page = client.get(f"/collar/{returned.pk}/viewers").content.decode()
    assert page.count("You, on this page") == 2


def test_the_chart_of_30_days_leaves_the_time_between_out(
    owner: User, returned: Device, times: dict[str, datetime]
) -> None:
    means = {f"accel_{axis}_{kind}": 0.0 for axis in "xyz" for kind in ("min", "sum", "max")}
    more = {"battery_level_min": 80.0, "battery_level_max": 81.0, "count": 60, "steps": 0, **means}
    for name, minutes in (("first", 11), ("between", 25), ("again", 33)):
        start = times[name].replace(minute=0, second=0, microsecond=0)
        Rollup.objects.create(device=returned, width=3600, start=start, active_s=minutes * 60, **more)
    page = signed_in(owner).get(f"/collar/{returned.pk}/", {"range": "30d"}).content.decode()
    assert [f"{minutes}\xa0min" in page for minutes in (11, 25, 33)] == [True, False, True]
