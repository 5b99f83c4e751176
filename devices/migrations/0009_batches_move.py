"""Batches are of a room of their own now: provisioning."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("devices", "0008_hardware"), ("provisioning", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel("BatchSheet"), migrations.DeleteModel("Batch")]
        ),
    ]
