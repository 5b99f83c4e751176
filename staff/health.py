"""What the platform stands on, and whether it is well, asked within a fraction of a second."""

import socket
from dataclasses import dataclass

from django.conf import settings
from redis.exceptions import RedisError

from broker import publisher
from core import heartbeat
from core.errors import Unavailable

BEATING = ("ingest", "worker", "beat", "relay")
ANSWER_S = 0.2


@dataclass(frozen=True)
class Part:
    """`well` is None where nobody can know."""

    name: str
    well: bool | None


def health() -> list[Part]:
    """Every part beside this process and the database, without which this page would not be."""
    try:
        heard: dict[str, bool | None] = {**heartbeat.heard(*BEATING)}
        there = True
    except RedisError:
        heard, there = dict.fromkeys(BEATING), False
    return [
        Part("Database", True),
        Part("Redis", there),
        Part("Broker", _broker()),
        Part("Media server", _media()),
        *(Part(name.title(), well) for name, well in heard.items()),
    ]


def _broker() -> bool:
    try:
        publisher.require()
    except Unavailable:
        return False
    return True


def _media() -> bool:
    try:
        socket.create_connection((settings.RTMP_HOST, settings.RTMP_PORT), ANSWER_S).close()
    except OSError:
        return False
    return True
