"""Sessions name who let the person in by its path in the code, which has moved: nobody is signed out for that."""

from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

BEFORE, NOW = "hetri.accounts.backends.EmailBackend", "accounts.backends.EmailBackend"


def rename_backend(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """In each session that is still good."""
    Session = apps.get_model("sessions", "Session")
    store = SessionStore()
    for session in Session.objects.iterator():
        held = store.decode(session.session_data)
        if held.get(BACKEND_SESSION_KEY) == BEFORE:
            session.session_data = store.encode({**held, BACKEND_SESSION_KEY: NOW})
            session.save(update_fields=["session_data"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_sign_in_failures"), ("sessions", "0001_initial")]
    operations = [migrations.RunPython(rename_backend, migrations.RunPython.noop)]
