"""Runs that a collar may still answer: which command an answer is about is written down now."""

from django.db import migrations

RUNS_ON_THEIR_WAY = """
    INSERT INTO devices_sentcommand (id, device_id, name)
    SELECT run, device_id, 'stream' FROM streaming_streamsession WHERE state <> 'ended'
"""


class Migration(migrations.Migration):
    dependencies = [("streaming", "0004_gave_way_bad_picture"), ("devices", "0007_treats_and_commands")]
    operations = [migrations.RunSQL(RUNS_ON_THEIR_WAY, migrations.RunSQL.noop)]
