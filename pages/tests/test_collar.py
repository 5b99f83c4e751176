"""A collar's own page, and its form for browsers without JavaScript."""
# ruff: noqa: RUF001  (people read typographic apostrophes and minus signs)

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import User
from core.times import day_bounds, now
from devices.models import Device
from pages.tests.conftest import ZONE, add_bucket, make_treat, make_viewing, signed_in
from streaming.models import Viewing
from telemetry.models import Rollup
from treats.models import TreatEvent


def url(device: Device) -> str:
    return f"/collar/{device.pk}/"


def test_the_owner_sees_all_of_it(owner: User, collar: Device) -> None:
    Device.objects.filter(pk=collar.pk).update(reported={"battery_level": 81.7, "rssi": -58, "treats_left": 12})
    add_bucket(collar, 30, 150)
    make_treat(collar, "jammed", ago_s=3600)
    page = signed_in(owner).get(url(collar)).content.decode()
    assert "81\u00a0%" in page
    assert "10 of 10 left today" in page
    assert "Wi-Fi −58\u00a0dBm, good" in page
    assert "12 treats in the dispenser" in page
    assert "Jammed" in page
    assert "87\u00a0%" in page  # the table of hours
    assert f'data-socket="/ws/devices/{collar.pk}"' in page


def test_staff_see_it_too(staff: User, collar: Device) -> None:
    assert signed_in(staff).get(url(collar)).status_code == 200


def test_a_stranger_finds_what_nobody_has(stranger: User, collar: Device) -> None:
    client = signed_in(stranger)
    theirs, nobodys = client.get(url(collar)), client.get(f"/collar/{uuid4()}/")
    assert theirs.status_code == nobodys.status_code == 404
    assert "This page does not exist, or is not yours." in theirs.content.decode()
    assert "Rex" not in theirs.content.decode()


def test_the_anonymous_are_sent_to_the_login_and_back(collar: Device) -> None:
    assert Client().get(url(collar)).headers["Location"] == f"/account/login?next={url(collar)}"


def test_a_retired_collar_keeps_its_page_without_a_socket(owner: User, collar: Device) -> None:
    Device.objects.filter(pk=collar.pk).update(status="retired", retired_at=now())
    page = signed_in(owner).get(url(collar)).content.decode()
    assert "Collar is retired" in page
    assert "data-socket" not in page


def test_pages_carry_no_inline_style_or_script(owner: User, collar: Device) -> None:
    make_treat(collar)
    for path in ("/", url(collar)):
        answer = signed_in(owner).get(path)
        page = answer.content.decode()
        assert " style=" not in page
        assert " onclick=" not in page
        assert "<script>" not in page
        assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]


def order(user: User, device: Device, **fields: str) -> str:
    """Post the form; the page that follows."""
    client = signed_in(user)
    answer = client.post(f"{url(device)}treat", {"portion": "1", "key": uuid4().hex, **fields})
    assert answer.status_code == 302
    assert answer.headers["Location"] == url(device)
    return client.get(url(device)).content.decode()


def test_a_plain_form_orders_a_treat(owner: User, collar: Device) -> None:
    page = order(owner, collar, portion="2")
    event = TreatEvent.objects.get(device=collar)
    assert (event.portion, event.source, event.triggered_by) == (2, "owner", owner)
    assert "On its way" in page
    assert "8 of 10 left today" in page


def test_the_same_form_twice_is_one_treat(owner: User, collar: Device) -> None:
    for _ in range(2):
        order(owner, collar, key="one")
    assert TreatEvent.objects.filter(device=collar).count() == 1


def test_a_collar_that_is_away_gets_nothing(owner: User, collar: Device) -> None:
    Device.objects.filter(pk=collar.pk).update(status="offline")
    page = order(owner, collar)
    assert "Collar is offline" in page
    assert "Not sent, offline" in page


@pytest.mark.parametrize("portion", ["0", "6", "-1", "many", ""])
def test_a_wrong_number_of_portions_is_refused_in_words(owner: User, collar: Device, portion: str) -> None:
    assert "A treat has 1 to 5 portions." in order(owner, collar, portion=portion)
    assert not TreatEvent.objects.filter(device=collar).exists()


def test_a_stranger_cannot_order(stranger: User, collar: Device) -> None:
    answer = signed_in(stranger).post(f"{url(collar)}treat", {"portion": "1", "key": "x"})
    assert answer.status_code == 404
    assert not TreatEvent.objects.filter(device=collar).exists()


def test_the_anonymous_cannot_order(collar: Device) -> None:
    answer = Client().post(f"{url(collar)}treat", {"portion": "1", "key": "x"})
    assert answer.headers["Location"].startswith("/account/login")
    assert not TreatEvent.objects.filter(device=collar).exists()


def test_a_link_orders_nothing(owner: User, collar: Device) -> None:
    assert signed_in(owner).get(f"{url(collar)}treat").status_code == 405


def test_the_whole_ledger_comes_page_by_page(owner: User, stranger: User, collar: Device) -> None:
    for number in range(60):
        make_treat(collar, ago_s=100 - number, portion=number % 5 + 1)
    client, address = signed_in(owner), f"{url(collar)}treats"
    first = client.get(address).content.decode()
    older = re.search(r"\?before=([0-9a-f-]{36})", first)
    assert older
    assert first.count("Dispensed") == 50
    assert client.get(address, {"before": older[1]}).content.decode().count("Dispensed") == 10
    assert client.get(address, {"before": "nothing"}).status_code == 200
    assert signed_in(stranger).get(address).status_code == 404


@pytest.mark.parametrize(("wanted", "rows"), [("7d", 7), ("30d", 30), ("1y", 24)])
def test_the_table_follows_the_span_of_the_chart(owner: User, collar: Device, wanted: str, rows: int) -> None:
    month = now().replace(minute=0, second=0, microsecond=0) - timedelta(days=29)
    means = {f"accel_{axis}_{kind}": 0 for axis in "xyz" for kind in ("sum", "min", "max")}
    more = {"battery_level_min": 87.0, "battery_level_max": 88.0, "count": 60, "active_s": 60, "steps": 0, **means}
    Rollup.objects.bulk_create(
        Rollup(device=collar, width=width, start=month + timedelta(hours=hour), **more)
        for hour in range(29 * 24 + 1)
        for width in (300, 3600)
    )
    page = signed_in(owner).get(url(collar), {"range": wanted}).content.decode()
    assert page.count('<th scope="row">') in (rows, rows + 1)
    assert f'data-range="{wanted if wanted != "1y" else "24h"}"' in page


def test_it_says_how_the_day_is_beside_yesterday(owner: User, collar: Device) -> None:
    at = now()
    Device.objects.filter(pk=collar.pk).update(owned_since=at - timedelta(days=9))
    begun = day_bounds(at, ZONE)[0]
    for minutes in range(0, int((at - begun).total_seconds() // 60) + 5, 5):
        add_bucket(collar, minutes, 30)
        add_bucket(collar, minutes + 1440, 12)
    page = signed_in(owner).get(url(collar)).content.decode()
    assert re.search(r"min</b> today, [0-9hmin\xa0 ]+ more than yesterday by this time", page)


def test_it_says_nothing_of_a_yesterday_that_is_not_known(owner: User, collar: Device) -> None:
    add_bucket(collar, 5, 30)
    assert "yesterday" not in signed_in(owner).get(url(collar)).content.decode()


def test_the_headline_follows_the_span_of_the_chart(owner: User, collar: Device) -> None:
    for days, active_s in ((1, 3600), (3, 5400)):
        add_bucket(collar, days * 1440, active_s, width=3600)
    page = signed_in(owner).get(f"/collar/{collar.pk}/?range=7d").content.decode()
    found = re.search(r'<p class="figure">(.*?)</p>', page, re.DOTALL)
    assert found
    assert found[1].strip() == "<b>1\xa0h\xa015\xa0min</b> a day in these 2 days"


def test_the_chart_says_what_came_late(owner: User, collar: Device) -> None:
    for minutes in (40, 35, 30):
        add_bucket(collar, minutes, 30, late_at=now())
    page = signed_in(owner).get(url(collar)).content.decode()
    assert re.search(r"15\xa0min from <time[^>]*>\d\d:\d\d</time> arrived late and are in the chart", page)


def test_who_watches_now_stands_below_the_player(owner: User, staff: User, collar: Device) -> None:
    make_viewing(collar, owner)
    client = signed_in(owner)
    assert "Only you are watching. The camera turns off 15\u00a0s after" in client.get(url(collar)).content.decode()
    make_viewing(collar, staff, granted_by=owner)
    assert "Watching now: You and Hetri’s support." in client.get(url(collar)).content.decode()


def test_viewings_with_a_short_pause_are_one_row_and_a_long_pause_makes_two(owner: User, collar: Device) -> None:
    first, second, third = (make_viewing(collar, owner, seconds=30) for _ in range(3))
    for viewing, began in ((first, 600), (second, 200), (third, 120)):
        start = now() - timedelta(seconds=began)
        Viewing.objects.filter(pk=viewing.pk).update(first_seen=start, last_seen=start + timedelta(seconds=30))
    page = signed_in(owner).get(f"/collar/{collar.pk}/viewers").content.decode()
    assert page.count("You, on this page") == 2
    assert "1\xa0min" in page
    assert "30\xa0s" in page


def test_all_viewings_are_on_a_page_of_their_own(owner: User, stranger: User, collar: Device) -> None:
    make_viewing(collar, owner, seconds=190)
    page = signed_in(owner).get(f"{url(collar)}viewers").content.decode()
    assert "You, on this page" in page
    assert "3\xa0min\xa010\xa0s" in page
    assert signed_in(stranger).get(f"{url(collar)}viewers").status_code == 404
