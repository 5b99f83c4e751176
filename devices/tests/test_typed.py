"""What people type or copy: claim codes as mail and PDF write them, names of which nothing can be seen."""

import pytest

from conftest import make_user
from devices.models import Device
from devices.services import claims, ownership
from pages.tests.conftest import make_collar, signed_in
from tools.testing import Api

# As it comes out of a mail, a PDF, a chat.
SPELLINGS = {
    "en dash": "7K3M\u20139QXT",
    "no-break hyphen": "7K3M\u20119QXT",
    "minus": "7K3M\u22129QXT",
    "no-break space": "7K3M\u00a09QXT",
    "tab": "\t7K3M\t9QXT",
    "zero-width": "\u200b7K3M\u200d-\ufeff9QXT",
    "soft hyphen and line break": "7K3M\u00ad\r\n9QXT",
    "full width": "\uff17\uff2b3M-9QXT",
}
UNSEEN = ["\u200b", "\u2060\ufeff", "\u3164", "\u2800", "\u200d\ufe0f", "\u00ad \u200e"]


def make_free() -> Device:
    return ownership.provision(name="Factory", claim_code="7K3M-9QXT", shown=False)[0]


@pytest.mark.parametrize("code", SPELLINGS.values(), ids=SPELLINGS)
def test_a_code_is_known_however_mail_and_pdf_write_it(alice: Api, code: str) -> None:
    device = make_free()
    claimed = alice.post("/devices/claim", json={"claim_code": code})
    assert (claimed.status_code, claimed.json().get("id")) == (200, str(device.pk))


@pytest.mark.django_db
def test_the_page_knows_such_a_code_too() -> None:
    person, device = make_user("dora"), make_collar(None, None)
    code = claims.issue_claim_code(device=device).replace("-", "\u2013\u200b")
    signed_in(person).post("/collar/add", {"code": code})
    device.refresh_from_db()
    assert device.owner == person


@pytest.mark.parametrize("name", UNSEEN)
def test_a_name_of_which_nothing_can_be_seen_is_refused(alice: Api, name: str) -> None:
    device = alice.new_device()["id"]
    for answer in (
        alice.post("/devices", json={"name": name}),
        alice.patch(f"/devices/{device}", json={"name": name}),
        alice.post("/devices/claim", json={"claim_code": "7K3M-9QXT", "name": name}),
        alice.post("/pets", json={"name": name, "species": "dog"}),
    ):
        assert (answer.status_code, list(answer.json().get("errors", {}))) == (400, ["name"])


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/collar/build", "/pet/add", "/account/profile"])
def test_a_page_refuses_such_a_name_in_words(path: str) -> None:
    person = make_user("dora")
    page = signed_in(person).post(path, {"name": "\u200b", "species": "dog", "time_zone": "UTC"}).content.decode()
    assert "A name needs at least one letter that can be seen." in page
    person.refresh_from_db()
    assert person.name != "\u200b"


@pytest.mark.parametrize("name", ["\u200dRex", "🐕\ufe0f", "مولي", "Ω"])
def test_a_name_with_something_to_see_is_taken(alice: Api, name: str) -> None:
    assert alice.post("/pets", json={"name": name, "species": "dog"}).status_code == 201
