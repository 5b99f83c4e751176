"""The ledger of treats, which was a table of devices. Only whose it is changes: the table keeps its name and rows."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids
import core.times
from core.migrating import take_content_type


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("devices", "0006_suspension"),
        ("pets", "0003_filters"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="TreatEvent",
                    fields=[
                        (
                            "id",
                            models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                        ),
                        ("event_time", models.DateTimeField(default=core.times.now)),
                        (
                            "result",
                            models.CharField(
                                choices=[
                                    ("pending", "Pending"),
                                    ("dispensed", "Dispensed"),
                                    ("jammed", "Jammed"),
                                    ("empty", "Empty"),
                                    ("expired", "Expired"),
                                    ("failed", "Failed"),
                                    ("offline", "Offline"),
                                ],
                                default="pending",
                                max_length=9,
                            ),
                        ),
                        (
                            "source",
                            models.CharField(
                                choices=[("owner", "Owner"), ("staff", "Staff"), ("api", "Api")], max_length=5
                            ),
                        ),
                        ("portion", models.PositiveSmallIntegerField(default=1)),
                        ("idempotency_key", models.CharField(blank=True, max_length=200, null=True)),
                        ("expires_at", models.DateTimeField()),
                        ("published_at", models.DateTimeField(blank=True, null=True)),
                        ("delivered_at", models.DateTimeField(blank=True, null=True)),
                        ("settled_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "device",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="treats", to="devices.device"
                            ),
                        ),
                        (
                            "pet",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="treats",
                                to="pets.pet",
                            ),
                        ),
                        (
                            "triggered_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="treats",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "db_table": "devices_treatevent",
                        "indexes": [
                            models.Index(fields=["device", "-id"], name="treat_by_device"),
                            models.Index(fields=["pet", "event_time"], name="treat_by_pet_day"),
                            models.Index(fields=["result", "-id"], name="treat_by_result"),
                            models.Index(fields=["source", "-id"], name="treat_by_source"),
                            models.Index(
                                condition=models.Q(("result", "pending")), fields=["expires_at"], name="treat_to_expire"
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("result", "pending")), fields=("device",), name="one_pending_treat"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("idempotency_key__isnull", False)),
                                fields=("device", "triggered_by", "idempotency_key"),
                                name="treat_key_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("portion__gte", 1), ("portion__lte", 5)), name="treat_portion_range"
                            ),
                        ],
                    },
                ),
            ],
        ),
        take_content_type("treatevent", before="devices", now="treats"),
    ]
