"""/readyz tells within a few seconds that a part hangs, and that it goes on."""

import time

import httpx
import pytest

from tools.testing import hanging, wait_for

TOLD_WITHIN_S = 5.0  # and 3 s of a busy machine's


@pytest.mark.parametrize("part", ["mosquitto", "redis", "postgres"])
def test_a_part_that_hangs_is_told_soon_and_forgotten_soon(anonymous: httpx.Client, live_db: None, part: str) -> None:
    name = {"mosquitto": "broker", "postgres": "database"}.get(part, part)
    wait_for(lambda: anonymous.get("/readyz").status_code == 200)
    with hanging(part):
        began = time.monotonic()
        told = wait_for(lambda: (answer := anonymous.get("/readyz", timeout=30)).status_code == 503 and answer)
        assert time.monotonic() - began < TOLD_WITHIN_S + 3
        assert (told.json()["code"], name in told.json()["detail"]) == ("not_ready", True)
    began = time.monotonic()
    wait_for(lambda: anonymous.get("/readyz").status_code == 200)
    assert time.monotonic() - began < TOLD_WITHIN_S
