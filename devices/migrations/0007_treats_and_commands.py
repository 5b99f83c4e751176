"""Treats are a room of their own now; and which command a collar's answer is about is written down."""

import django.db.models.deletion
from django.db import migrations, models

# Those that a collar may still answer: it tells what it has given for as long as nobody has heard it.
TREATS_ON_THEIR_WAY = """
    INSERT INTO devices_sentcommand (id, device_id, name)
    SELECT id, device_id, 'treat' FROM devices_treatevent WHERE result IN ('pending', 'expired')
"""


class Migration(migrations.Migration):
    dependencies = [("devices", "0006_suspension"), ("treats", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("TreatEvent")]),
        migrations.CreateModel(
            name="SentCommand",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=16)),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="devices.device"
                    ),
                ),
            ],
        ),
        migrations.RunSQL(TREATS_ON_THEIR_WAY, migrations.RunSQL.noop),
    ]
