"""The media server: whether it has a run's pictures, and how a publisher is dropped."""

import logging
import os
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from django.conf import settings

from streaming.models import StreamSession

log = logging.getLogger(__name__)
APP, PLAY_APP = "collar", "live"  # where collars publish (the gate knows it), where we play (nginx/rtmp.conf)
CONTROL_WAIT_S = 1
FRESH_S = 6.0  # the transcoder tells twice a second that pictures come; started again after a crash it needs 3 to 4 s


def has_picture(stream: StreamSession) -> bool:
    """Whether players are led to the present run, and its pictures come."""
    try:
        led = Path(os.readlink(settings.HLS_DIR / str(stream.pk) / "current"))
    except OSError:
        return False
    return led.parts[0] == stream.run.hex and pictures_come(stream)


def pictures_come(stream: StreamSession) -> bool:
    """Whether the present run's publisher sends pictures, though none may be playable before its next key frame."""
    told: Path = settings.HLS_DIR / str(stream.pk) / stream.run.hex / "coming"
    try:
        return time.time() - told.stat().st_mtime < FRESH_S
    except OSError:
        return False


def drop_publisher(name: str) -> None:
    """End a publisher; one that is not there is fine."""
    query = urlencode({"app": PLAY_APP, "name": name})
    url = f"http://{settings.RTMP_HOST}:{settings.RTMP_HTTP_PORT}/control/drop/publisher?{query}"
    try:
        with urlopen(url, timeout=CONTROL_WAIT_S):
            pass
    except HTTPError:
        pass  # 404: nobody publishes that name
    except OSError as error:
        log.warning("drop_failed", extra={"publisher": name, "error": str(error)})
