from django.db import migrations, models
from django_pg_migration_tools.operations import SaferAddIndexConcurrently


class Migration(migrations.Migration):
    """The trail has a line for each write: its indexes are made while others write."""

    atomic = False
    dependencies = [
        ("staff", "0007_audit_sign_ins"),
    ]

    operations = [
        SaferAddIndexConcurrently(
            model_name="auditline",
            index=models.Index(fields=["door", "-id"], name="audit_by_door"),
        ),
        SaferAddIndexConcurrently(
            model_name="auditline",
            index=models.Index(fields=["action", "-id"], name="audit_by_action"),
        ),
        SaferAddIndexConcurrently(
            model_name="auditline",
            index=models.Index(fields=["subject", "-id"], name="audit_of_subject"),
        ),
    ]
