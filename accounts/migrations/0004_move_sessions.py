"""Sessions say who let the person in, by its path in the code, and are bound to the stored hash. Both have moved.

The path is another; and a session is bound to the person, since hashes are made anew at the next sign-in. Nobody is
signed out for that.
"""

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.utils.crypto import salted_hmac

BEFORE, NOW = "hetri.accounts.backends.EmailBackend", "accounts.backends.EmailBackend"
DJANGOS = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


def _hash_of(salt: str, value: str) -> str:
    return salted_hmac(salt, value, algorithm="sha256").hexdigest()


def move_sessions(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Those that are still good as they are."""
    Session = apps.get_model("sessions", "Session")
    User = apps.get_model("accounts", "User")
    store = SessionStore()
    for session in Session.objects.iterator():
        held = store.decode(session.session_data)
        user = User.objects.filter(pk=held[SESSION_KEY]).first() if held.get(BACKEND_SESSION_KEY) == BEFORE else None
        if user is not None and held[HASH_SESSION_KEY] == _hash_of(DJANGOS, user.password):
            moved = {BACKEND_SESSION_KEY: NOW, HASH_SESSION_KEY: _hash_of("hetri.accounts.session", str(user.pk))}
            session.session_data = store.encode({**held, **moved})
            session.save(update_fields=["session_data"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_sign_in_failures"), ("sessions", "0001_initial")]
    operations = [migrations.RunPython(move_sessions, migrations.RunPython.noop)]
