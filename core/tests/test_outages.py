"""What was waited for is used again within about a second of its return, however long it was away.

The longer outages are `./dev soak steps`.
"""

import os
from pathlib import Path

import pytest

from core.tests import outages
from tools.testing import wait_for

BACK_WITHIN_S = 1.0
SLACK_S = float(os.environ.get("SLACK_S", "1"))  # for a machine that does other things, too
LONG = (3, 8, 20, 40) if os.environ.get("ALL_STEPS") == "1" else (8,)

pytestmark = pytest.mark.parametrize("outage_s", LONG)


def test_the_database_is_used_again_at_once(tmp_path: Path, outage_s: float) -> None:
    database = outages.Postgres(tmp_path)
    database.start()
    with outages.web(tmp_path, DATABASE_URL=database.url) as url:
        wait_for(lambda: outages.ready(url), 60)
        late = outages.last_failure_after(database, outage_s, lambda: outages.ready(url))
    database.kill()
    assert late <= BACK_WITHIN_S + SLACK_S


def test_the_broker_is_used_again_at_once(tmp_path: Path, outage_s: float) -> None:
    broker = outages.mosquitto(tmp_path)
    broker.start()
    with outages.web(tmp_path, HETRI_MQTT_PORT=str(broker.inside)) as url:
        wait_for(lambda: outages.ready(url), 60)
        late = outages.last_failure_after(broker, outage_s, lambda: outages.ready(url))
    broker.kill()
    assert late <= BACK_WITHIN_S + SLACK_S


def test_a_worker_takes_tasks_again_at_once(tmp_path: Path, outage_s: float) -> None:
    redis = outages.Redis(tmp_path)
    redis.start()
    with outages.worker(tmp_path, redis.url) as takes:
        wait_for(takes, 60)
        late = outages.last_failure_after(redis, outage_s, takes)
    redis.kill()
    assert late <= BACK_WITHIN_S + 1 + SLACK_S  # `takes` looks at the last second
