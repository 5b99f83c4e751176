"""Days without a broker, with the power going in the middle of writes, and then the whole way to the database.

A week of them is in `./dev soak steps`.
"""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from firmware.simulation import collar_env, script_command
from tests.conftest import Flash, Stack, provision
from tools.testing import WHOLE, wait_for

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = 7 if WHOLE else 3
KEPT = "SELECT boot, seq, ts FROM telemetry_sample WHERE device_id = %s"
WEAR_BOUND = 50  # erasures a day; at 100,000 a page lasts 5 years


def last_change_of_clocks() -> datetime:
    """Noon of the newest day in Berlin on which the clocks changed and whose week is over."""
    day = datetime.now(BERLIN).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    while day.utcoffset() == (day - timedelta(days=1)).utcoffset():
        day -= timedelta(days=1)
    return day


@pytest.fixture(scope="module")
def outage(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flash, dict[str, float]]]:
    """A collar whose broker was away for DAYS around that day, connected since; and what they did to its flash."""
    with stack.client() as owner:
        pet = owner.post("/pets", json={"name": "Odin", "species": "dog", "time_zone": "Europe/Berlin"})
        assert pet.status_code == 201, pet.text
    flash = provision(stack, tmp_path_factory.mktemp("outage") / "collar", "--pet", "Odin")
    start = int((last_change_of_clocks() - timedelta(days=DAYS // 2)).timestamp() * 1000)
    seed = int.from_bytes(os.urandom(3))
    command = script_command("sim/week.py", flash.path, DAYS, start, seed, heap="64M")
    ran = subprocess.run(command, env=collar_env(), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (seed, ran.stdout[-2000:])
    assert ran.stdout.count(" boot ") == 6, seed
    flash.run()
    try:
        wait_for(lambda: not any((flash.path / "outbox").iterdir()), 60)
        yield flash, json.loads(ran.stdout.splitlines()[-1])
    finally:
        flash.kill()


def test_every_sample_of_the_outage_is_stored_once(stack: Stack, outage: tuple[Flash, dict[str, float]]) -> None:
    flash, _ = outage
    made = flash.made()
    until = datetime.now(UTC) - timedelta(hours=1)
    stored = [row for row in stack.rows(KEPT, flash.id) if row[2] < until]
    identities = [(boot, seq, round(ts.timestamp() * 1000)) for boot, seq, ts in stored]
    assert len(made) > DAYS * 1440 - 10
    assert not set(made) - set(identities)
    assert len(set(identities)) == len(identities)
    # A sample whose write the power cut may be whole without the program having been told so.
    assert len(identities) - len(made) <= 5


def test_each_day_has_its_own_samples_also_that_of_25_hours(
    stack: Stack, outage: tuple[Flash, dict[str, float]]
) -> None:
    flash, _ = outage
    stored = [datetime.fromtimestamp(ts.timestamp(), BERLIN) for _, _, ts in stack.rows(KEPT, flash.id)]
    expected = Counter(at.date().isoformat() for at in stored if at < datetime.now(BERLIN) - timedelta(days=1))
    change = last_change_of_clocks()
    window = {"start": (change - timedelta(days=5)).isoformat(), "end": (change + timedelta(days=6)).isoformat()}

    def counted() -> dict[str, int]:
        with stack.client() as owner:
            page = owner.get(f"/devices/{flash.id}/telemetry", params={"resolution": "1d", **window}).json()["results"]
        days = [datetime.fromisoformat(row["ts"]).astimezone(BERLIN) for row in page]
        return {day.date().isoformat(): row["count"] for day, row in zip(days, page, strict=True)}

    wait_for(lambda: counted() == expected, 10)
    hours = 24 - (change.utcoffset() - (change - timedelta(days=1)).utcoffset()) / timedelta(hours=1)
    assert abs(expected[change.date().isoformat()] - hours * 60) <= 6


def test_no_page_of_its_flash_wears_out(outage: tuple[Flash, dict[str, float]]) -> None:
    _, wear = outage
    assert wear["power_cuts"] == 5
    assert 0 < wear["busiest_page_erasures_a_day"] < WEAR_BOUND
