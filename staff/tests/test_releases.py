"""Releases on the desk: what reaches collars is asked first."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from firmware.models import Release

pytestmark = pytest.mark.django_db
LIST = "/admin/firmware/release/"


@pytest.mark.parametrize(
    ("action", "state", "percent"), [("roll_out_100", "published", 100), ("withdraw", "withdrawn", 0)]
)
def test_what_reaches_collars_is_done_only_once_it_was_confirmed(
    desk: Callable[[str], Client], action: str, state: str, percent: int
) -> None:
    parts = {"manifest": b"{}", "signature": b"x", "program": b"y", "size": 1}
    release, browser = Release.objects.create(version="9.0.0", board="b", state="published", **parts), desk("admin")
    page = browser.post(LIST, {"action": action, "_selected_action": str(release.pk)}).content.decode()
    release.refresh_from_db()
    assert (release.state, release.percent) == ("published", 0)
    assert "9.0.0" in page
    browser.post(LIST, dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)))
    release.refresh_from_db()
    assert (release.state, release.percent) == (state, percent)
