"""The triggers that write the audit trail, and those that keep it as it was written."""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION staff_audit() RETURNS trigger LANGUAGE plpgsql AS $$
-- Arguments: subject, key column, watched columns, those of them whose values are not told, column of the device.
DECLARE
    was jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}'::jsonb ELSE to_jsonb(OLD) END;
    is_now jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}'::jsonb ELSE to_jsonb(NEW) END;
    known jsonb := CASE WHEN TG_OP = 'DELETE' THEN was ELSE is_now END;
    found jsonb;
BEGIN
    SELECT jsonb_object_agg(name, CASE WHEN name = ANY (string_to_array(TG_ARGV[3], ',')) THEN 'null'::jsonb
                                       ELSE jsonb_build_array(was -> name, is_now -> name) END)
    INTO found
    FROM unnest(string_to_array(TG_ARGV[2], ',')) AS name
    WHERE coalesce(was -> name, 'null') <> coalesce(is_now -> name, 'null');
    IF found IS NOT NULL THEN
        INSERT INTO staff_auditline (actor_id, door, request_id, action, subject, subject_id, device_id, changes, reason)
        VALUES (nullif(current_setting('hetri.user', true), '')::uuid,
                coalesce(nullif(current_setting('hetri.door', true), ''), 'system'),
                coalesce(current_setting('hetri.request', true), ''),
                lower(TG_OP), TG_ARGV[0], (known ->> TG_ARGV[1])::uuid, (known ->> TG_ARGV[4])::uuid, found, '');
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION staff_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit trail is append-only.' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON staff_auditline
    FOR EACH ROW EXECUTE FUNCTION staff_refuse();
CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON staff_auditline
    FOR EACH STATEMENT EXECUTE FUNCTION staff_refuse();
"""

# Table, events, then the arguments of staff_audit. A collar's hot columns (last_seen, latest, status, reported) are
# not watched: its telemetry fires nothing.
DEVICE = "name,owner_id,pet_id,config,retired_at,mqtt_pass_hash,claim_code_hash"
TRIGGERS = [
    (
        "accounts_user",
        "INSERT OR DELETE OR UPDATE OF email, name, password, role, is_active",
        ("user", "id", "email,name,password,role,is_active", "email,name,password", ""),
    ),
    ("accounts_user_groups", "INSERT OR DELETE", ("user", "user_id", "group_id", "", "")),
    (
        "pets_pet",
        "INSERT OR DELETE OR UPDATE",
        (
            "pet",
            "id",
            "name,species,birthdate,time_zone,treats_per_day,kcal_per_portion,owner_id",
            "name,birthdate",
            "",
        ),
    ),
    (
        "devices_device",
        f"INSERT OR DELETE OR UPDATE OF {DEVICE.replace(',', ', ')}",
        ("device", "id", DEVICE, "mqtt_pass_hash,claim_code_hash", "id"),
    ),
    ("devices_treatevent", "INSERT", ("treat", "id", "portion,source,result,pet_id", "", "device_id")),
]


def _trigger(table: str, events: str, arguments: tuple[str, ...]) -> str:
    quoted = ", ".join(f"'{argument}'" for argument in arguments)
    return f"CREATE TRIGGER audit AFTER {events} ON {table} FOR EACH ROW EXECUTE FUNCTION staff_audit({quoted});"


class Migration(migrations.Migration):
    dependencies = [
        ("staff", "0001_audit_line"),
        ("accounts", "0001_initial"),
        ("pets", "0001_initial"),
        ("devices", "0002_hot_rows"),
    ]
    operations = [
        migrations.RunSQL(
            FUNCTIONS + "\n".join(_trigger(*trigger) for trigger in TRIGGERS),
            "\n".join(f"DROP TRIGGER audit ON {table};" for table, _, _ in TRIGGERS)
            + "DROP TRIGGER audit_append_only ON staff_auditline; DROP TRIGGER audit_not_emptied ON staff_auditline;"
            + "DROP FUNCTION staff_audit(); DROP FUNCTION staff_refuse();",
        )
    ]
