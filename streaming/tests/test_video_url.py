"""GET video_url and video_token: who may, what the collar is told, what two at once get."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client

from streaming.models import StreamSession, Viewing
from streaming.services import streams, viewings
from streaming.tests.conftest import Camera
from tools.testing import Api, Collar, wait_for


def test_it_asks_the_collar_to_stream(camera: Camera) -> None:
    answer = camera.api.get(f"{camera.path}/video_url")
    assert (answer.status_code, answer.json()["state"]) == (200, "starting")
    order = wait_for(camera.orders)[0]
    stream = StreamSession.objects.get(device=camera.device["id"])
    assert urlsplit(answer.json()["url"]).path.split("/")[2] == str(stream.pk)
    assert order == {
        "v": 1,
        "id": str(stream.run),
        "action": "start",
        "host": settings.RTMP_PUBLIC_HOST,
        "port": settings.RTMP_PUBLIC_PORT,
        "app": "collar",
        "name": camera.device["id"],
        "key": order["key"],
        "lease_s": 30,
        "width": 640,
        "height": 480,
        "fps": 10,
    }


def test_the_key_is_kept_as_a_hash_only(camera: Camera) -> None:
    camera.api.get(f"{camera.path}/video_url")
    key = wait_for(camera.orders)[0]["key"]
    stream = StreamSession.objects.get(device=camera.device["id"])
    assert len(key) >= 43
    assert key not in {str(value) for value in vars(stream).values()}


def test_it_is_a_new_token_of_the_same_viewing_the_second_time(camera: Camera) -> None:
    first = camera.api.get(f"{camera.path}/video_url").json()
    token = camera.api.get(f"{camera.path}/video_token").json()
    assert token["token"].split(".")[1] == first["url"].split("/")[-2].split(".")[1]
    assert token["stream"] == first["url"].split("/")[-3]
    assert Viewing.objects.filter(stream=token["stream"]).count() == 1


def test_a_token_lives_two_minutes(camera: Camera) -> None:
    camera.api.get(f"{camera.path}/video_url")
    token = camera.api.get(f"{camera.path}/video_token").json()["token"]
    viewing = Viewing.objects.get(stream__device=camera.device["id"])
    assert int(token.split(".")[0]) - viewing.asked_at.timestamp() == pytest.approx(120, abs=2)


def test_no_stream_has_no_token(camera: Camera) -> None:
    answer = camera.api.get(f"{camera.path}/video_token")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_streaming")
    assert camera.orders() == []


def test_two_at_once_share_one_stream(camera: Camera, sign_in: Callable[..., Api]) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: camera.api.get(f"{camera.path}/video_url"), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert StreamSession.objects.filter(device=camera.device["id"]).count() == 1
    assert len(wait_for(camera.orders)) == 1


def test_a_camera_that_is_off_is_asked_nothing(camera: Camera) -> None:
    camera.api.patch(camera.path, json={"config": {"camera": "off"}})
    answer = camera.api.get(f"{camera.path}/video_url")
    assert (answer.status_code, answer.json()["code"]) == (409, "camera_off")
    assert not StreamSession.objects.filter(device=camera.device["id"]).exists()


def test_an_offline_collar_is_409(alice: Api) -> None:
    answer = alice.get(f"/devices/{alice.new_device()['id']}/video_url")
    assert (answer.status_code, answer.json()["code"]) == (409, "offline")


def test_a_stranger_finds_nothing(camera: Camera, bob: Api) -> None:
    for call in ("video_url", "video_token", "viewings", "support_view"):
        assert bob.get(f"{camera.path}/{call}").status_code == 404
    assert camera.orders() == []


def test_staff_cannot_watch(camera: Camera, charlie: Api) -> None:
    answer = charlie.get(f"{camera.path}/video_url")
    assert (answer.status_code, answer.json()["code"]) == (403, "no_grant")
    assert camera.orders() == []


def test_staff_watch_while_the_owner_allows_it(camera: Camera, charlie: Api) -> None:
    granted = camera.api.post(f"{camera.path}/support_view", json={"minutes": 5})
    assert granted.status_code == 201
    assert charlie.get(f"{camera.path}/video_url").status_code == 200
    viewing = Viewing.objects.get(stream__device=camera.device["id"])
    assert (viewing.viewer_id, str(viewing.grant_id)) == (charlie.user.pk, granted.json()["id"])
    assert camera.api.delete(f"{camera.path}/support_view").status_code == 204
    viewing.refresh_from_db()
    assert viewing.ended_at is not None
    assert charlie.get(f"{camera.path}/video_url").status_code == 403


def test_staff_cannot_allow_themselves(camera: Camera, charlie: Api) -> None:
    assert charlie.post(f"{camera.path}/support_view").status_code == 403


def hand_over(camera: Camera, to: Api) -> None:
    """It is handed over, and claimed."""
    given = camera.api.post(f"{camera.path}/handover", json={"password": camera.api.password})
    assert to.post("/devices/claim", json={"claim_code": given.json()["claim_code"]}).status_code == 200


def test_a_grant_is_over_with_the_handover(camera: Camera, bob: Api, charlie: Api) -> None:
    camera.api.post(f"{camera.path}/support_view")
    hand_over(camera, bob)
    assert charlie.get(f"{camera.path}/video_url").status_code == 403


def test_by_cookie_only_our_own_pages_switch_a_camera_on(camera: Camera) -> None:
    browser = Client()
    browser.force_login(camera.api.user)
    for site in (None, "none", "cross-site", "same-site"):
        for call in ("video_url", "video_token"):
            answer = browser.get(f"{camera.path}/{call}", headers={"Sec-Fetch-Site": site} if site else {})
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert not StreamSession.objects.filter(device=camera.device["id"]).exists()


def test_our_own_page_gets_a_url_by_cookie(camera: Camera) -> None:
    browser = Client()
    browser.force_login(camera.api.user)
    answer = browser.get(f"{camera.path}/video_url", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 200
    assert Viewing.objects.get(stream__device=camera.device["id"]).source == "page"


@pytest.fixture
def full(camera: Camera, collar_of: Callable[..., Collar]) -> Iterator[list[str]]:
    """The collars whose streams fill the server."""
    others: list[str] = []
    while StreamSession.objects.filter(state__in=streams.OPEN).count() < settings.STREAMS_MAX:
        device = camera.api.new_device()
        collar_of(camera.api, device)
        others.append(device["id"])
        assert camera.api.get(f"/devices/{device['id']}/video_url").status_code == 200
    yield others
    for stream in StreamSession.objects.filter(device__in=others, state__in=streams.OPEN):
        streams.end_stream(stream=stream, reason=StreamSession.Reason.UNWATCHED)


def test_a_full_server_is_busy(camera: Camera, full: list[str]) -> None:
    answer = camera.api.get(f"{camera.path}/video_url")
    assert (answer.status_code, answer.json()["code"], "Retry-After" in answer.headers) == (503, "busy", True)


def test_a_stream_that_nobody_watches_any_more_makes_room(camera: Camera, full: list[str]) -> None:
    lingers = StreamSession.objects.get(device=full[0])
    viewings.end_viewing(viewing=Viewing.objects.get(stream=lingers))
    assert camera.api.get(f"{camera.path}/video_url").status_code == 200
    lingers.refresh_from_db()
    assert (lingers.state, lingers.reason) == ("ended", "unwatched")


def test_a_logout_ends_its_viewings_at_once(camera: Camera) -> None:
    camera.api.get(f"{camera.path}/video_url")
    camera.api.post("/auth/logout", json={"refresh": camera.api.tokens["refresh"]})
    assert wait_for(lambda: Viewing.objects.get(stream__device=camera.device["id"]).ended_at)


def test_a_handover_ends_viewings_at_once(camera: Camera, bob: Api) -> None:
    camera.api.get(f"{camera.path}/video_url")
    hand_over(camera, bob)
    assert wait_for(lambda: Viewing.objects.get(stream__device=camera.device["id"]).ended_at)


def test_switching_the_camera_off_ends_viewings_at_once(camera: Camera) -> None:
    camera.api.get(f"{camera.path}/video_url")
    camera.api.patch(camera.path, json={"config": {"camera": "off"}})
    assert wait_for(lambda: Viewing.objects.get(stream__device=camera.device["id"]).ended_at)
