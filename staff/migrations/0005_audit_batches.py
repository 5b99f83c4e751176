"""Batches, and streams that staff end, are on record too."""

from importlib import import_module

from django.db import migrations

_trigger = import_module("staff.migrations.0002_audit_triggers")._trigger
BATCH = "number,name,size,state,shown_at"
TABLES = ("devices_batch", "streaming_streamsession")


class Migration(migrations.Migration):
    dependencies = [
        ("staff", "0004_audit_releases_and_grants"),
        ("devices", "0003_batches"),
        ("streaming", "0002_ended_by_staff"),
    ]
    operations = [
        migrations.RunSQL(
            _trigger("devices_batch", "INSERT OR DELETE OR UPDATE OF state, shown_at", ("batch", "id", BATCH, "", ""))
            # What a collar or its viewers do to a stream is in the streams' own ledger.
            + """
            CREATE TRIGGER audit AFTER UPDATE OF state ON streaming_streamsession FOR EACH ROW
            WHEN (NEW.reason = 'staff')
            EXECUTE FUNCTION staff_audit('stream', 'id', 'state,reason', '', 'device_id');
            """,
            "\n".join(f"DROP TRIGGER audit ON {table};" for table in TABLES),
        )
    ]
