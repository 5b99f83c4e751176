"""What migrations share."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def take_content_type(model: str, *, before: str, now: str) -> migrations.RunPython:
    """A model that moves to another room keeps its content type, and with it the permissions that people have."""

    def rename(apps: StateApps, old: str, new: str) -> None:
        apps.get_model("contenttypes", "ContentType").objects.filter(app_label=old, model=model).update(app_label=new)

    def forwards(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        rename(apps, before, now)

    def backwards(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        rename(apps, now, before)

    return migrations.RunPython(forwards, backwards)
