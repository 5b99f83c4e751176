from django.db import migrations, models


class Migration(migrations.Migration):
    """Half-empty pages and no index on last_seen: a new version of a row fits beside the old one (HOT)."""

    dependencies = [("devices", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="device", name="device_presence"),
        migrations.AddIndex(model_name="device", index=models.Index(fields=["status"], name="device_status")),
        migrations.RunSQL(
            "ALTER TABLE devices_device SET (fillfactor = 50)", "ALTER TABLE devices_device RESET (fillfactor)"
        ),
    ]
