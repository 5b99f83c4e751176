"""Releases, and what owners allow support, are on record too."""

from importlib import import_module

from django.db import migrations

_trigger = import_module("staff.migrations.0002_audit_triggers")._trigger
RELEASE = "version,board,state,percent,paused,fail_percent"
GRANT = "granted_by_id,expires_at,ended_at"
TRIGGERS = [
    (
        "firmware_release",
        f"INSERT OR DELETE OR UPDATE OF {RELEASE.replace(',', ', ')}",
        ("release", "id", RELEASE, "", ""),
    ),
    ("streaming_supportgrant", "INSERT OR DELETE OR UPDATE", ("grant", "id", GRANT, "", "device_id")),
]


class Migration(migrations.Migration):
    dependencies = [
        ("staff", "0003_fleet_hour"),
        ("firmware", "0001_initial"),
        ("streaming", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(
            "\n".join(_trigger(*trigger) for trigger in TRIGGERS),
            "\n".join(f"DROP TRIGGER audit ON {table};" for table, _, _ in TRIGGERS),
        )
    ]
