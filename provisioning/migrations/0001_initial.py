"""Batches, which were tables of devices. Only whose they are changes: the tables keep their names and rows."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids
import core.times
from core.migrating import take_content_type

PERSON = {"null": True, "on_delete": django.db.models.deletion.SET_NULL, "related_name": "+"}


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("devices", "0006_suspension"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Batch",
                    fields=[
                        (
                            "id",
                            models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                        ),
                        ("number", models.PositiveIntegerField(unique=True)),
                        ("name", models.CharField(max_length=60)),
                        ("size", models.PositiveSmallIntegerField()),
                        ("made", models.PositiveSmallIntegerField(default=0)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("running", "Running"),
                                    ("done", "Done"),
                                    ("stopped", "Stopped"),
                                    ("failed", "Failed"),
                                ],
                                default="running",
                                max_length=7,
                            ),
                        ),
                        ("door", models.CharField(max_length=8)),
                        ("request_id", models.CharField(blank=True, max_length=64)),
                        ("created_at", models.DateTimeField(default=core.times.now)),
                        ("moved_at", models.DateTimeField(default=core.times.now)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        ("shown_at", models.DateTimeField(blank=True, null=True)),
                        ("made_by", models.ForeignKey(to=settings.AUTH_USER_MODEL, **PERSON)),
                        ("shown_to", models.ForeignKey(blank=True, to=settings.AUTH_USER_MODEL, **PERSON)),
                    ],
                    options={
                        "verbose_name_plural": "batches",
                        "db_table": "devices_batch",
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("made__lte", models.F("size"))), name="batch_made_in_size"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("ended_at__isnull", True), ("state", "running")),
                                    models.Q(
                                        models.Q(("state", "running"), _negated=True), ("ended_at__isnull", False)
                                    ),
                                    _connector="OR",
                                ),
                                name="batch_ended_has_time",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BatchSheet",
                    fields=[
                        (
                            "id",
                            models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                        ),
                        ("sealed", models.TextField()),
                        (
                            "batch",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="sheets",
                                to="provisioning.batch",
                            ),
                        ),
                    ],
                    options={"db_table": "devices_batchsheet"},
                ),
            ],
        ),
        take_content_type("batch", before="devices", now="provisioning"),
        take_content_type("batchsheet", before="devices", now="provisioning"),
    ]
