from django.db import migrations, models


def date_rollouts(apps, schema_editor):
    """Those that are rolled out were so when they were published, as far as anybody knows."""
    apps.get_model("firmware", "Release").objects.filter(percent__gt=0).update(rolled_out_at=models.F("published_at"))


class Migration(migrations.Migration):
    dependencies = [("firmware", "0002_filters")]
    operations = [
        migrations.AddField("release", "rolled_out_at", models.DateTimeField(blank=True, null=True)),
        migrations.RemoveConstraint("updatejob", "one_job_a_release"),
        migrations.RunPython(date_rollouts, migrations.RunPython.noop, elidable=True),
    ]
