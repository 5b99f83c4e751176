"""A pet's pages: its week over every collar, its picture, its form."""

from datetime import datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from accounts.models import User
from core.times import day_bounds, now
from devices.models import Assignment, Device
from pages.pets import week
from pages.tests.conftest import ZONE, make_collar, make_treat, signed_in
from pets import pictures
from pets.decode import SIDE
from pets.models import Pet, PetPicture
from telemetry.models import Rollup
from telemetry.services.days import PetDay, days_of_pet

FRIDAY = datetime(2026, 11, 20, 12, tzinfo=ZoneInfo(ZONE))


def add_slots(device: Device, start: datetime, count: int, active_s: int = 60) -> None:
    """`count` slots of 5 minutes from `start` on."""
    means = {f"accel_{axis}_{kind}": 0 for axis in "xyz" for kind in ("sum", "min", "max")}
    more = {"battery_level_min": 87.0, "battery_level_max": 88.0, "count": 5, "steps": 0, **means}
    Rollup.objects.bulk_create(
        Rollup(device=device, width=300, start=start + timedelta(minutes=5 * slot), active_s=active_s, **more)
        for slot in range(count)
    )


def wear(device: Device, pet: Pet, start: datetime | None, end: datetime | None = None) -> None:
    Assignment.objects.filter(device=device).delete()
    Assignment.objects.create(device=device, owner=pet.owner, pet=pet, started_at=start, ended_at=end)


def midnight(moment: datetime) -> datetime:
    return day_bounds(moment, ZONE)[0]


def test_a_pets_day_is_the_sum_over_its_collars_in_its_owners_time(owner: User, rex: Pet) -> None:
    day = midnight(FRIDAY)
    old, new = make_collar(None, None), make_collar(owner, rex)  # the old one was handed over at noon
    wear(old, rex, None, day + timedelta(hours=12))
    wear(new, rex, day + timedelta(hours=12))
    add_slots(old, day, 200)  # also of the next owner's time
    add_slots(new, day + timedelta(hours=12), 12)
    found = days_of_pet(pet=rex, start=day, end=day + timedelta(days=1))
    assert found == {FRIDAY.date(): PetDay(FRIDAY.date(), (144 + 12) * 60, 144 + 12)}


def test_a_slot_that_the_handover_cuts_is_nobodys(owner: User, rex: Pet) -> None:
    day = midnight(FRIDAY)
    collar = make_collar(None, None)
    wear(collar, rex, None, day + timedelta(minutes=7))
    add_slots(collar, day, 3)
    assert days_of_pet(pet=rex, start=day, end=day + timedelta(days=1))[FRIDAY.date()].slots == 1


def told(*, at: datetime = FRIDAY, interval_s: int = 60, **slots: int) -> week.Week:
    """`mon=288` is a whole Monday of this week with 60 active seconds in each slot; `last_mon` the one before."""
    monday = at.date() - timedelta(days=at.weekday())
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    days = {}
    for name, count in slots.items():
        day = monday + timedelta(days=names.index(name.removeprefix("last_")) - 7 * name.startswith("last_"))
        days[day] = PetDay(day, count * 60, count)
    return week.draw(week.Told(days, at, ZONE, interval_s))


def test_a_day_worn_too_little_has_no_bar_and_does_not_count() -> None:
    drawn = told(mon=288, tue=172, last_mon=144 + 100)
    assert [column.enough for column in drawn.columns[:2]] == [True, False]
    assert drawn.columns[1].this is None
    assert drawn.columns[1].worn_words == "worn 59\u00a0%"
    assert drawn.sentence == "4\u00a0h\u00a048\u00a0min a day, 44\u00a0min more than on the same days last week."


def test_today_is_measured_by_what_has_passed_of_it() -> None:
    drawn = told(fri=140)
    assert drawn.columns[4].worn == pytest.approx(140 / 144)
    assert drawn.columns[4].name == "Today"
    assert drawn.sentence == "No whole day of this week yet."


def test_a_collar_that_reports_rarely_is_not_taken_for_one_that_lies_in_a_drawer() -> None:
    assert told(mon=24, interval_s=3600).columns[0].worn == 1.0


def test_days_of_23_and_25_hours_are_whole() -> None:
    spring = datetime(2026, 3, 31, 12, tzinfo=ZoneInfo(ZONE))
    assert told(at=spring, last_sun=276).columns[6].before_s == 276 * 60


def test_the_page_shows_week_budget_and_age(owner: User, rex: Pet, collar: Device) -> None:
    Pet.objects.filter(pk=rex.pk).update(kcal_per_portion=3.5, birthdate=now().date().replace(year=now().year - 4))
    make_treat(collar, portion=4)
    page = signed_in(owner).get(f"/pet/{rex.pk}/").content.decode()
    assert "35 kcal a day, 3.5 kcal each" in page
    assert "4 given today" in page
    assert "That is 14 kcal." in page
    assert "4 years" in page
    assert page.count("dot-left") == 6


def test_a_stranger_finds_no_pet(stranger: User, rex: Pet) -> None:
    client = signed_in(stranger)
    pages = ("", "edit", "remove", "picture")
    assert {client.get(f"/pet/{rex.pk}/{page}").status_code for page in pages} == {404}
    assert client.post(f"/pet/{rex.pk}/remove").status_code == 404


def test_the_anonymous_are_sent_to_the_login(rex: Pet) -> None:
    assert Client().get(f"/pet/{rex.pk}/").headers["Location"].startswith("/account/login")


FORM = {
    "name": "Mila",
    "species": "cat",
    "time_zone": ZONE,
    "birthdate": "",
    "treats_per_day": "",
    "kcal_per_portion": "",
}


def test_a_pet_is_added_and_leads_back(owner: User) -> None:
    client = signed_in(owner)
    answer = client.post("/pet/add", {**FORM, "next": "/collar/add?code=7K3M9QXT"})
    made = Pet.objects.get(name="Mila")
    assert answer.headers["Location"] == f"/collar/add?code=7K3M9QXT&pet={made.pk}"
    assert "Mila" in client.get("/pet/").content.decode()


def test_next_never_leads_away(owner: User) -> None:
    answer = signed_in(owner).post("/pet/add", {**FORM, "next": "https://evil.example/"})
    assert answer.headers["Location"].startswith("/pet/")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("birthdate", "2999-01-01"),
        ("time_zone", "Mars/Base"),
        ("treats_per_day", "-1"),
        ("kcal_per_portion", "nan"),
        ("name", " "),
    ],
)
def test_what_cannot_be_is_refused_in_its_place(owner: User, field: str, value: str) -> None:
    page = signed_in(owner).post("/pet/add", {**FORM, field: value}).content.decode()
    assert f'id="id_{field}_error"' in page
    assert not Pet.objects.filter(name="Mila").exists()


def test_a_changed_time_zone_reaches_the_collar(owner: User, rex: Pet, collar: Device) -> None:
    another = "Asia/Kathmandu"  # ZONE is another one at other hours, never this
    signed_in(owner).post(f"/pet/{rex.pk}/edit", {**FORM, "time_zone": another})
    assert Device.objects.get(pk=collar.pk).config["time_zone"] == another


def test_a_pet_that_wears_a_collar_stays(owner: User, rex: Pet, collar: Device) -> None:
    page = signed_in(owner).post(f"/pet/{rex.pk}/remove").content.decode()
    assert "A collar is on this pet." in page
    assert Pet.objects.filter(pk=rex.pk).exists()


def photo(kind: str = "JPEG", size: tuple[int, int] = (900, 600), **more: object) -> SimpleUploadedFile:
    out = BytesIO()
    Image.new("RGB", size, "navy").save(out, kind, **more)
    return SimpleUploadedFile("rex.jpg", out.getvalue())


def upload(user: User, pet: Pet, file: SimpleUploadedFile) -> str:
    answer = signed_in(user).post(f"/pet/{pet.pk}/picture", {"picture": file}, follow=True)
    return answer.content.decode()


def test_a_picture_becomes_a_small_square_without_metadata(owner: User, rex: Pet) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9286] = 6, "Phone", "52.5N 13.4E"
    page = upload(owner, rex, photo(exif=exif, comment=b"at home"))
    rex.refresh_from_db()
    address = f"/pet/{rex.pk}/picture/{rex.picture_digest}"
    assert address in page
    answer = signed_in(owner).get(address)
    stored = Image.open(BytesIO(answer.content))
    assert (stored.format, stored.size, dict(stored.getexif())) == ("WEBP", (SIDE, SIDE), {})
    assert b"52.5N" not in answer.content
    assert b"at home" not in answer.content
    assert answer.headers["Content-Type"] == "image/webp"


def test_nobody_else_sees_the_picture(owner: User, stranger: User, rex: Pet) -> None:
    upload(owner, rex, photo())
    rex.refresh_from_db()
    address = f"/pet/{rex.pk}/picture/{rex.picture_digest}"
    assert signed_in(stranger).get(address).status_code == 404
    assert Client().get(address).status_code == 302


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a\x01\x00\x01\x00\x80\x00\x00",
        b"\xff\xd8\xff\xe0" + b"\x00" * 200,
        b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + b"\xff\xff\xff\xff" * 2 + b"\x08\x02\x00\x00\x00" + b"\x00" * 20,
    ],
    ids=["empty", "svg", "gif", "broken", "bomb"],
)
def test_a_bad_file_is_refused_in_words(owner: User, rex: Pet, content: bytes) -> None:
    answer = signed_in(owner).post(f"/pet/{rex.pk}/picture", {"picture": SimpleUploadedFile("rex.jpg", content)})
    assert answer.status_code == (400 if content else 200)  # nothing chosen is the form's own word
    assert 'id="id_picture_error"' in answer.content.decode()
    assert not PetPicture.objects.filter(pet=rex).exists()


def test_while_others_are_decoded_one_is_told_when_to_come_again(
    owner: User, rex: Pet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "WAIT_S", 0.2)
    with pictures._turn:
        answer = signed_in(owner).post(f"/pet/{rex.pk}/picture", {"picture": photo()})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Try again in a few seconds." in answer.content.decode()


def test_a_picture_can_be_taken_away(owner: User, rex: Pet) -> None:
    upload(owner, rex, photo("PNG"))
    signed_in(owner).post(f"/pet/{rex.pk}/picture", {"remove": "yes"})
    rex.refresh_from_db()
    assert rex.picture_digest == ""
    assert not PetPicture.objects.filter(pet=rex).exists()


def test_the_list_asks_as_often_for_one_pet_as_for_many(owner: User, rex: Pet, collar: Device) -> None:
    client = signed_in(owner)
    with CaptureQueriesContext(connection) as one:
        client.get("/pet/")
    for number in range(5):
        make_collar(owner, Pet.objects.create(owner=owner, name=f"Pet {number}"))
    with CaptureQueriesContext(connection) as many:
        client.get("/pet/")
    assert len(many) == len(one)


def test_the_page_asks_as_often_for_one_collar_as_for_many(owner: User, rex: Pet, collar: Device) -> None:
    client = signed_in(owner)
    wear(collar, rex, None)
    with CaptureQueriesContext(connection) as one:
        client.get(f"/pet/{rex.pk}/")
    for _number in range(5):
        wear(make_collar(owner, rex), rex, None)
    with CaptureQueriesContext(connection) as many:
        client.get(f"/pet/{rex.pk}/")
    assert len(many) == len(one)
