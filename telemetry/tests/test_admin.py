"""The admin's pages of telemetry: readable by staff, never editable, never all partitions."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conftest import make_user
from telemetry.models import Rollup
from telemetry.services.ingest import store
from telemetry.tests.conftest import create_device, message, reading, roll_up


@pytest.fixture
def desk(db: None) -> Client:
    """The browser of somebody who may do everything."""
    client = Client()
    client.force_login(make_user("charlie", role="admin"))
    return client


@pytest.mark.parametrize("model", ["sample", "rollup", "rejectedmessage"])
def test_lists_are_read_with_bounds_and_not_edited(desk: Client, model: str) -> None:
    Rollup.objects.all().delete()  # of tests before: the list has pages
    device = create_device()
    store([message(device, reading(1), reading(-1))])
    roll_up()
    with CaptureQueriesContext(connection) as queries:
        answer = desk.get(f"/admin/telemetry/{model}/")
    assert answer.status_code == 200
    assert str(device.pk) in answer.content.decode()
    assert not [query["sql"] for query in queries if "COUNT(*)" in query["sql"] and "telemetry_" in query["sql"]]
    assert all(
        '"telemetry_sample"."id" >=' in query["sql"] for query in queries if 'FROM "telemetry_sample"' in query["sql"]
    )
    assert desk.get(f"/admin/telemetry/{model}/add/").status_code == 403
    assert desk.get(f"/admin/telemetry/{model}/?q={device.pk}").status_code == 200
    assert desk.get(f"/admin/telemetry/{model}/?q=nonsense").status_code == 200
