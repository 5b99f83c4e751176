"""How people sign in, and the pictures of their pets, are on record too."""

from importlib import import_module

from django.db import migrations

_trigger = import_module("staff.migrations.0002_audit_triggers")._trigger
PERSON = ("user", "user_id")
TRIGGERS = [
    ("accounts_user_user_permissions", "INSERT OR DELETE", (*PERSON, "permission_id", "", "")),
    ("accounts_usersession", "INSERT OR UPDATE OF ended_at", ("session", "user_id", "id,kind,ended_at", "", "")),
    ("account_emailaddress", "UPDATE OF email, verified", ("address", "user_id", "email,verified", "email", "")),
    ("mfa_authenticator", "INSERT OR DELETE", ("factor", "user_id", "type", "", "")),
    ("pets_petpicture", "INSERT OR DELETE OR UPDATE", ("picture", "pet_id", "content", "content", "")),
]


class Migration(migrations.Migration):
    dependencies = [
        ("staff", "0006_fleet_figures"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("accounts", "0003_sign_in_failures"),
        ("pets", "0002_picture"),
    ]
    operations = [
        migrations.RunSQL(
            "\n".join(_trigger(*trigger) for trigger in TRIGGERS),
            "\n".join(f"DROP TRIGGER audit ON {table};" for table, _, _ in TRIGGERS),
        )
    ]
