import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0004_filters")]
    operations = [
        migrations.CreateModel(
            name="BrokerTrial",
            fields=[
                ("ref", models.CharField(max_length=36, primary_key=True, serialize=False)),
                ("verifier", models.CharField(blank=True, max_length=160)),
                ("begun_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
    ]
