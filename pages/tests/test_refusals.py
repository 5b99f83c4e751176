"""Pages say a refusal in the reader's language, with the sentence that it was raised with."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from core.errors import NotFound
from devices.models import Device
from pages.tests.conftest import signed_in

MANY = "An account can have 0 collars. Remove one first."


def main_of(client: Client, path: str, fields: dict[str, Any], language: str = "en") -> str:
    page = client.post(path, fields, headers={"Accept-Language": language}).content.decode()
    return page.partition("<main")[2].partition("</main")[0]


def test_a_wrong_code_is_refused_in_german(owner: User) -> None:
    assert "Diesen Code kennen wir nicht" in main_of(signed_in(owner), "/collar/add", {"code": "AAAA-AAAA"}, "de")


def test_what_is_gone_speaks_of_no_code() -> None:
    assert "code" not in str(NotFound().detail).lower()


@pytest.mark.parametrize(("language", "words"), [("en", MANY), ("de", "0 Halsbänder")])
def test_one_collar_too_many_is_no_part_that_is_down(owner: User, settings: Any, language: str, words: str) -> None:
    settings.DEVICES_PER_OWNER = 0
    said = main_of(signed_in(owner), "/collar/build", {"name": "New"}, language)
    assert words in said
    assert "down" not in said
    assert not Device.objects.filter(owner=owner).exists()


def test_the_admin_speaks_english(staff: User) -> None:
    page = signed_in(staff).get("/admin/", headers={"Accept-Language": "de"}).content.decode()
    assert '<html lang="en' in page
