"""The home page."""

import re
from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.times import now
from devices.models import Device
from pages.tests.conftest import add_bucket, make_collar, make_treat, make_viewing, signed_in
from pets.models import Pet
from treats.models import TreatEvent


def home(user: User, **query: str) -> str:
    answer = signed_in(user).get("/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_the_owner_their_collar(owner: User, collar: Device) -> None:
    make_treat(collar, portion=2)
    page = home(owner)
    assert "Rex is online." in page
    assert f'href="/collar/{collar.pk}/"' in page
    assert "8 left" in page
    assert "2 portions, by you" in page


def test_it_shows_a_stranger_nothing_of_it(stranger: User, collar: Device) -> None:
    page = home(stranger)
    assert "No collar here yet" in page
    assert str(collar.pk) not in page


def test_it_sends_the_anonymous_to_the_login(db: None) -> None:
    answer = Client().get("/")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/account/login?next=/"


def test_it_says_first_what_needs_somebody(owner: User, collar: Device) -> None:
    mila = Pet.objects.create(owner=owner, name="Mila", species="cat")
    make_collar(owner, mila, status="offline", last_seen=now() - timedelta(hours=3))
    page = home(owner)
    assert page.index("Mila has been offline since") < page.index("Rex is online.")
    assert "Treats work again when it is back." in page


def test_a_retired_collar_is_not_listed(owner: User, rex: Pet) -> None:
    make_collar(owner, rex, status="retired", retired_at=now())
    assert "No collar here yet" in home(owner)


def test_its_live_part_is_the_same_without_the_frame(owner: User, collar: Device) -> None:
    part = home(owner, part="live")
    assert "Rex is online." in part
    assert "<html" not in part


def test_it_is_never_kept_by_a_cache(owner: User) -> None:
    assert "no-store" in signed_in(owner).get("/").headers["Cache-Control"]


def test_names_full_of_markup_are_text(owner: User, rex: Pet, collar: Device) -> None:
    Pet.objects.filter(pk=rex.pk).update(name="<b onclick=x>Rex</b> {name} %s")
    make_treat(collar)
    page = home(owner)
    assert "<b onclick" not in page
    assert "&lt;b onclick=x&gt;Rex&lt;/b&gt; {name} %s" in page


def test_its_queries_do_not_grow_with_the_collars(owner: User, rex: Pet, collar: Device) -> None:
    def queries() -> int:
        client = signed_in(owner)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get("/")
        return len(seen)

    make_treat(collar)
    one = queries()
    for number in range(8):
        pet = Pet.objects.create(owner=owner, name=f"Pet {number}", treats_per_day=5)
        make_treat(make_collar(owner, pet, status="online", last_seen=now()))
    assert queries() == one


def test_treats_before_the_present_owner_are_not_shown(owner: User, rex: Pet, stranger: User) -> None:
    bought = make_collar(owner, rex, status="online", last_seen=now(), owned_since=now() - timedelta(minutes=5))
    make_treat(bought, ago_s=600, triggered_by=stranger)
    page = home(owner)
    assert "Nothing yet today." in page
    assert "none yet" in page


def test_drawings_have_points_in_german_too(owner: User, collar: Device, rex: Pet) -> None:
    make_treat(collar)
    client = signed_in(owner)
    for path in ("/", f"/pet/{rex.pk}/"):
        page = client.get(path, headers={"Accept-Language": "de"}).content.decode()
        assert 'lang="de"' in page
        assert re.search(r'="[0-9]+,[0-9]+%?"', page) is None


def test_today_holds_what_came_late_who_watched_and_who_went_away(owner: User, rex: Pet, collar: Device) -> None:
    make_collar(owner, None, name="Mila", status="offline", last_seen=now())
    add_bucket(collar, 0, 20, late_at=now())
    make_viewing(collar, owner, seconds=65)
    page = home(owner)
    assert "5\xa0min arrived late" in page
    assert "You watched Rex" in page
    assert "Mila went offline" in page


def test_more_than_six_collars_are_rows_with_a_search(owner: User, rex: Pet, collar: Device) -> None:
    for name in ("Mila", "Balu", "Nala", "Simba", "Luna", "Bella"):
        make_collar(owner, Pet.objects.create(owner=owner, name=name), name=f"{name}'s")
    page = home(owner)
    assert page.count('class="collar-row"') == 7
    assert 'type="search"' in page
    found = home(owner, q="  nALa ")
    assert found.count('class="collar-row"') == 1
    assert "No pet or collar is called so." in home(owner, q="<nobody>")
    assert "&lt;nobody&gt;" in home(owner, q="<nobody>")


def test_a_camera_that_was_turned_off_says_so_on_the_card(owner: User, collar: Device) -> None:
    collar.config["camera"] = "off"
    collar.save(update_fields=["config"])
    page = home(owner)
    assert "Camera is off" in page
    assert f'href="/collar/{collar.pk}/settings"' in page


def test_a_treat_that_came_to_nothing_is_said_on_its_card_and_first_of_all(owner: User, rex: Pet) -> None:
    collar = make_collar(owner, rex, status="online", last_seen=now())
    treat = TreatEvent.objects.create(
        device=collar, pet=rex, triggered_by=owner, source="owner", result="jammed", settled_at=now(), expires_at=now()
    )
    page = home(owner)
    assert "Rex\u2019s dispenser is jammed." in page
    assert "Open the lid, free what is stuck" in page.partition('class="panel card"')[2]
    TreatEvent.objects.filter(pk=treat.pk).update(
        event_time=now() - timedelta(minutes=6), settled_at=now() - timedelta(minutes=6)
    )
    assert "is jammed." not in home(owner)
