"""The real media server behind a hook that answers as the test says."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware.tests.broker import make_authority
from firmware.tests.media import Hook, Media
from gate.tests.client import Line, jpeg


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA and a certificate for localhost."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[tuple[Media, Hook]]:
    """One for all tests of a file: what one does to it, others would see."""
    with contextlib.closing(Hook()) as hook:
        media = Media(tmp_path_factory.mktemp("media") / "media", authority, hook)
        with contextlib.ExitStack() as at_end:
            at_end.callback(media.stop)
            media.start()
            yield media, hook


@pytest.fixture
def media(running: tuple[Media, Hook]) -> Iterator[Media]:
    """The media server; its worker is the same at the end."""
    media, _ = running
    worker, gate = media.worker(), media.gate and media.gate.pid
    yield media
    assert (media.worker(), media.gate and media.gate.pid, media.gate and media.gate.poll()) == (worker, gate, None)


@pytest.fixture
def hook(running: tuple[Media, Hook]) -> Hook:
    """Says yes, under a new name."""
    running[1].begin_anew()
    return running[1]


@pytest.fixture
def dial(media: Media, hook: Hook, authority: Path) -> Iterator[Callable[[], Line]]:
    """`dial()` is a new connection to the public port."""
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(Line(media.port, authority / "ca.pem"))


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A small JPEG."""
    return jpeg()
