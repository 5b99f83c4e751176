"""Addresses of the people who are here already count as confirmed."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def confirm(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    users, addresses = apps.get_model("accounts", "User"), apps.get_model("account", "EmailAddress")
    known = users.objects.filter(emailaddress=None)
    addresses.objects.bulk_create(
        [addresses(user=user, email=user.email, primary=True, verified=True) for user in known], batch_size=1000
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]
    operations = [migrations.RunPython(confirm, migrations.RunPython.noop)]
