import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models
from django_pg_migration_tools.operations import SaferAddIndexConcurrently


class Migration(migrations.Migration):
    """Not in one transaction: the index is made while others write. Both steps may be tried again."""

    atomic = False
    dependencies = [
        ("devices", "0001_initial"),
        ("telemetry", "0001_initial"),
    ]

    operations = [
        SaferAddIndexConcurrently(
            model_name="rollup",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["start"], name="rollup_start", pages_per_range=32
            ),
        ),
        migrations.AlterField(
            model_name="rollup",
            name="device",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="devices.device",
            ),
        ),
    ]
