"""One round of the keeper: who is gone, who lost the right, what a stream needs. Time passes by the rows' own times."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import transaction

from accounts.models import UserSession
from conftest import Around
from core.times import now
from streaming import tokens
from streaming.models import StreamSession, SupportGrant, Viewing
from streaming.services import keeping, viewings
from streaming.tests.conftest import Camera
from tools.testing import Api, one_waits_for_a_lock, wait_for


@pytest.fixture
def watched(camera: Camera) -> Camera:
    """The owner has a URL, and has fetched something now."""
    assert camera.api.get(f"{camera.path}/video_url").status_code == 200
    wait_for(camera.orders)
    viewings.record_seen(times={viewing_of(camera).pk: now()})
    return camera


def stream_of(camera: Camera) -> StreamSession:
    return StreamSession.objects.filter(device=camera.device["id"]).latest("id")


def viewing_of(camera: Camera) -> Viewing:
    return Viewing.objects.filter(stream__device=camera.device["id"]).latest("id")


def ago(seconds: float) -> Any:
    return now() - timedelta(seconds=seconds)


def change_stream(camera: Camera, **fields: Any) -> None:
    StreamSession.objects.filter(pk=stream_of(camera).pk).update(**fields)


def change_viewing(camera: Camera, **fields: Any) -> None:
    Viewing.objects.filter(pk=viewing_of(camera).pk).update(**fields)


def keep(**seen: Any) -> None:
    keeping.run_round(seen={UUID(pk): at for pk, at in seen.items()})


def show_picture(camera: Camera) -> None:
    """What the transcoder leaves once the first segment is there."""
    stream = stream_of(camera)
    folder = settings.HLS_DIR / str(stream.pk)
    tell_coming(camera)
    (folder / "current").symlink_to(f"{stream.run.hex}/copy")


def tell_coming(camera: Camera, seconds: float = 0) -> None:
    """What the transcoder does while pictures come, or did so many seconds ago."""
    stream = stream_of(camera)
    told = settings.HLS_DIR / str(stream.pk) / stream.run.hex / "coming"
    told.parent.mkdir(parents=True, exist_ok=True)
    told.touch()
    os.utime(told, (time.time() - seconds,) * 2)


def test_a_viewing_is_over_5_s_after_its_last_request(watched: Camera) -> None:
    change_viewing(watched, last_seen=ago(4))
    keep()
    assert viewing_of(watched).ended_at is None
    change_viewing(watched, last_seen=ago(6))
    keep()
    assert viewing_of(watched).ended_at is not None


def test_a_url_that_nobody_fetched_is_no_viewing_for_long(watched: Camera) -> None:
    change_viewing(watched, last_seen=None, first_seen=None, asked_at=ago(16))
    keep()
    assert viewing_of(watched).ended_at is not None
    assert watched.api.get(f"{watched.path}/viewings").json()["results"] == []


def test_hearing_an_older_time_changes_nothing(watched: Camera) -> None:
    seen = viewing_of(watched).last_seen
    viewings.record_seen(times={viewing_of(watched).pk: ago(3)})
    assert viewing_of(watched).last_seen == seen


def test_15_s_after_the_last_viewer_the_collar_is_stopped(watched: Camera) -> None:
    change_viewing(watched, last_seen=ago(16), first_seen=ago(60))
    change_stream(watched, watched_at=ago(60))
    keep()
    assert (stream_of(watched).state, stream_of(watched).reason) == ("ended", "unwatched")
    stop = wait_for(lambda: watched.orders("stop"))[0]
    assert stop == {"v": 1, "id": watched.orders()[0]["id"], "action": "stop"}


def test_the_lease_is_prolonged_while_somebody_watches(watched: Camera) -> None:
    change_stream(watched, leased_at=ago(11))
    keep()
    first, second = wait_for(lambda: len(watched.orders()) == 2 and watched.orders())
    assert (second["id"], second["lease_s"]) == (first["id"], 30)
    assert second["key"] != first["key"]


def test_the_lease_is_not_prolonged_for_nobody(watched: Camera) -> None:
    change_viewing(watched, last_seen=ago(6))
    change_stream(watched, leased_at=ago(11))
    before = stream_of(watched).leased_at
    keep()
    assert (stream_of(watched).state, stream_of(watched).leased_at) == ("requested", before)


def test_a_collar_that_shows_no_picture_is_given_up(watched: Camera) -> None:
    change_stream(watched, dark_since=ago(11))
    keep()
    assert (stream_of(watched).state, stream_of(watched).reason) == ("ended", "no_picture")
    assert viewing_of(watched).ended_at is not None


def test_pictures_that_come_without_a_key_frame_are_waited_for(watched: Camera) -> None:
    watched.ask()
    tell_coming(watched)
    change_stream(watched, dark_since=ago(19))
    keep()
    assert stream_of(watched).state == "starting"
    change_stream(watched, dark_since=ago(21))
    keep()
    assert (stream_of(watched).state, stream_of(watched).reason) == ("ended", "no_picture")


def test_pictures_that_came_once_are_not_waited_for(watched: Camera) -> None:
    watched.ask()
    tell_coming(watched, seconds=7)
    change_stream(watched, dark_since=ago(11))
    keep()
    assert (stream_of(watched).state, stream_of(watched).reason) == ("ended", "no_picture")


def test_a_live_stream_goes_on_while_its_pictures_come(watched: Camera) -> None:
    watched.ask()
    show_picture(watched)
    keep()
    tell_coming(watched, seconds=5)
    keep()
    assert stream_of(watched).state == "live"
    tell_coming(watched, seconds=7)
    keep()
    assert stream_of(watched).state == "starting"


def test_the_first_segment_makes_it_live(watched: Camera) -> None:
    watched.ask()
    show_picture(watched)
    keep()
    assert stream_of(watched).state == "live"
    assert watched.api.get(f"{watched.path}/video_url").json()["state"] == "live"


def test_a_lost_publisher_is_replaced_under_the_same_stream(watched: Camera) -> None:
    name = watched.ask().headers["Location"]
    before = stream_of(watched)
    watched.hook("publish_done", {"app": "collar", "name": name})
    change_stream(watched, run_at=ago(2))
    keep()
    after = stream_of(watched)
    assert (after.pk, after.state) == (before.pk, "requested")
    assert after.run != before.run
    first, second = wait_for(lambda: len(watched.orders()) == 2 and watched.orders())
    assert second["id"] == str(after.run)
    assert second["key"] != first["key"]
    assert watched.ask().status_code == 302


def test_a_live_stream_without_fresh_pictures_is_asked_for_anew(watched: Camera) -> None:
    watched.ask()
    change_stream(watched, state="live", run_at=ago(60), dark_since=ago(60))
    run = stream_of(watched).run
    keep()
    keep()
    assert stream_of(watched).run != run
    assert stream_of(watched).state == "requested"


def test_nobody_is_asked_anew_when_nobody_watches(watched: Camera) -> None:
    change_viewing(watched, last_seen=ago(6))
    change_stream(watched, run_over=True, run_at=ago(2))
    run = stream_of(watched).run
    keep()
    assert stream_of(watched).run == run


def test_a_session_that_is_over_watches_no_more(watched: Camera) -> None:
    UserSession.objects.filter(user=watched.api.user).update(expires_at=ago(1))
    keep()
    assert viewing_of(watched).ended_at is not None


def test_a_grant_that_is_over_watches_no_more(watched: Camera, charlie: Api) -> None:
    watched.api.post(f"{watched.path}/support_view")
    charlie.get(f"{watched.path}/video_url")
    SupportGrant.objects.filter(device=watched.device["id"]).update(expires_at=ago(1))
    keep()
    of_charlie = Viewing.objects.get(viewer=charlie.user)
    assert of_charlie.ended_at is not None
    assert Viewing.objects.get(viewer=watched.api.user).ended_at is None


def test_a_retired_collar_streams_no_more(watched: Camera) -> None:
    watched.api.delete(watched.path)
    keep()
    assert (stream_of(watched).state, stream_of(watched).reason) == ("ended", "retired")


def test_a_collar_that_was_handed_over_streams_no_more(watched: Camera, bob: Api) -> None:
    code = watched.api.post(f"{watched.path}/handover", json={"password": watched.api.password}).json()["claim_code"]
    keep()
    assert stream_of(watched).state != "ended"
    assert bob.post("/devices/claim", json={"claim_code": code}).status_code == 200
    keep()
    assert (stream_of(watched).state, stream_of(watched).reason) == ("ended", "owner_left")


def test_the_next_owner_does_not_see_who_watched_before(watched: Camera, bob: Api) -> None:
    assert len(watched.api.get(f"{watched.path}/viewings").json()["results"]) == 1
    code = watched.api.post(f"{watched.path}/handover", json={"password": watched.api.password}).json()["claim_code"]
    assert bob.post("/devices/claim", json={"claim_code": code}).status_code == 200
    assert bob.get(f"{watched.path}/viewings").json()["results"] == []


def test_the_end_of_a_viewing_takes_its_access_file(watched: Camera) -> None:
    viewing = viewing_of(watched)
    tokens.issue(viewing.stream_id, viewing.pk)
    assert tokens.allowed(viewing.stream_id, viewing.pk)
    viewings.end_viewing(viewing=viewing)
    assert not tokens.allowed(viewing.stream_id, viewing.pk)


def test_an_access_file_that_was_left_behind_is_swept(watched: Camera) -> None:
    viewing = viewing_of(watched)
    tokens.issue(viewing.stream_id, viewing.pk)
    keeping.sweep_access()
    assert tokens.allowed(viewing.stream_id, viewing.pk)
    change_viewing(watched, ended_at=now())
    keeping.sweep_access()
    assert not tokens.allowed(viewing.stream_id, viewing.pk)


def test_the_ledger_outlives_the_account_of_a_viewer(watched: Camera, charlie: Api) -> None:
    watched.api.post(f"{watched.path}/support_view")
    charlie.get(f"{watched.path}/video_url")
    viewings.record_seen(times={Viewing.objects.get(viewer=charlie.user).pk: now()})
    charlie.user.delete()
    row = watched.api.get(f"{watched.path}/viewings").json()["results"][0]
    assert (row["viewer"], row["support"]) == (None, True)
    keep()
    assert Viewing.objects.get(pk=row["id"]).ended_at is not None


def test_who_ends_a_viewing_waits_for_who_ends_its_stream(watched: Camera) -> None:
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        StreamSession.objects.select_for_update(no_key=True).get(pk=stream_of(watched).pk)  # as the keeper begins
        off = pool.submit(watched.api.patch, watched.path, json={"config": {"camera": "off"}})
        wait_for(one_waits_for_a_lock)
        change_viewing(watched, ended_at=now())
    assert off.result().status_code == 200


def test_what_follows_a_change_takes_no_answer_back(watched: Camera, around: Around) -> None:
    access = around.logs / "video" / "access" / str(stream_of(watched).pk) / viewing_of(watched).pk.hex
    access.unlink()
    access.mkdir()  # it cannot be removed as a file
    assert watched.api.patch(watched.path, json={"config": {"camera": "off"}}).status_code == 200
    access.rmdir()
