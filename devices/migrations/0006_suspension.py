from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0005_broker_trials")]

    operations = [
        migrations.AddField("device", "suspended_until", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "device",
            "suspended_for",
            models.CharField(blank=True, db_default="", default="", max_length=32),
        ),
    ]
