"""What the media server is told when it asks who may publish."""

import pytest
from django.utils import timezone

from streaming.models import StreamSession
from streaming.tests.conftest import Camera
from tools.testing import wait_for


@pytest.fixture
def asked(camera: Camera) -> Camera:
    """The collar was asked for a stream."""
    assert camera.api.get(f"{camera.path}/video_url").status_code == 200
    wait_for(camera.orders)
    return camera


def stream_of(camera: Camera) -> StreamSession:
    return StreamSession.objects.filter(device=camera.device["id"]).latest("id")


def test_the_key_opens_the_door_once(asked: Camera) -> None:
    answer = asked.ask()
    stream = stream_of(asked)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{stream.pk.hex}-{stream.run.hex}")
    assert stream.state == "starting"
    assert asked.ask().status_code == 403


def test_a_wrong_question_is_refused(asked: Camera) -> None:
    strange = "019ab3f4-0000-7000-8000-000000000000"
    changes: list[dict[str, str | None]] = [
        *({"key": key} for key in ("wrong", "", None)),
        *({"name": name} for name in ("x", strange, asked.device["id"].upper(), None)),
        *({"app": app} for app in ("live", None)),
    ]
    assert [asked.ask(**change).status_code for change in changes] == [403] * len(changes)
    assert stream_of(asked).state == "requested"


def test_a_field_that_is_there_twice_is_refused(asked: Camera) -> None:
    order = asked.orders()[-1]
    fields = {"app": "collar", "name": order["name"], "key": order["key"]}
    for field, value in fields.items():
        assert asked.ask(**{field: [value, value]}).status_code == 403
    assert stream_of(asked).state == "requested"


def test_a_key_of_another_collar_is_refused(asked: Camera) -> None:
    other = asked.api.new_device()
    assert asked.ask(name=other["id"]).status_code == 403


def test_an_expired_key_is_refused(asked: Camera) -> None:
    StreamSession.objects.filter(pk=stream_of(asked).pk).update(key_expires_at=timezone.now())
    assert asked.ask().status_code == 403


def test_who_does_not_know_the_secret_is_refused(asked: Camera) -> None:
    order = asked.orders()[-1]
    fields = {"app": "collar", "name": order["name"], "key": order["key"]}
    for secret in ("", "wrong"):
        for call in ("publish", "publish_done"):
            assert asked.hook(call, fields, secret).status_code == 403
    assert stream_of(asked).state == "requested"


def test_a_retired_collar_cannot_publish(asked: Camera) -> None:
    asked.api.delete(asked.path)
    assert asked.ask().status_code == 403


def test_no_path_beside_the_hooks_redirects(asked: Camera) -> None:
    for path in ("publish/", "", "other"):
        assert asked.hook(path, {}).status_code in (403, 404)


def test_a_publisher_that_is_gone_leaves_no_live_row(asked: Camera) -> None:
    name = asked.ask().headers["Location"]
    StreamSession.objects.filter(pk=stream_of(asked).pk).update(state="live")
    assert asked.hook("publish_done", {"app": "collar", "name": name}).status_code == 200
    stream = stream_of(asked)
    assert (stream.state, stream.run_over) == ("starting", True)


def test_the_end_of_an_older_run_changes_nothing(asked: Camera) -> None:
    asked.ask()
    stream = stream_of(asked)
    old = f"{stream.pk.hex}-{'0' * 32}"
    assert asked.hook("publish_done", {"app": "collar", "name": old}).status_code == 200
    assert stream_of(asked).run_over is False


def test_a_collar_without_a_camera_ends_the_stream(asked: Camera) -> None:
    asked.collar.answer(asked.orders()[-1]["id"], "unsupported")
    wait_for(lambda: stream_of(asked).state == "ended")
    assert stream_of(asked).reason == "unsupported"


@pytest.mark.parametrize("reason", ["bad_picture", "unplayable"])
def test_pictures_that_the_gate_refused_end_the_stream(asked: Camera, reason: str) -> None:
    name = asked.ask().headers["Location"]
    told = {"app": "collar", "name": name, "reason": reason}
    assert asked.hook("publish_done", told).status_code == 200
    assert (stream_of(asked).state, stream_of(asked).reason) == ("ended", reason)
    wait_for(lambda: asked.orders("stop"))


def test_a_reason_that_is_none_means_gone(asked: Camera) -> None:
    name = asked.ask().headers["Location"]
    assert asked.hook("publish_done", {"app": "collar", "name": name, "reason": "staff"}).status_code == 200
    assert (stream_of(asked).state, stream_of(asked).run_over) == ("starting", True)
