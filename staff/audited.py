"""What the audit trail watches: one table. The triggers follow it after each migration; a test names what it forgets.

A trigger writes a line when a watched column differs. Of a secret or personal one it writes the name only.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

ITSELF = "the key, or a column that never changes"
MACHINE = "the machine's own: it would write a line for each message or minute"
LEDGER = "in the streams' and treats' own ledgers"
FOLLOWS = "follows a watched column"


@dataclass(frozen=True)
class Audited:
    """A table, what its lines are about, and its columns: `watched`, those of them that are `secret`, and the rest.

    `unwatched` gives a reason for each. `key` is the column of the subject's id, `device` that of the collar.
    """

    table: str
    subject: str
    events: str
    watched: tuple[str, ...]
    secret: tuple[str, ...] = ()
    key: str = "id"
    device: str = ""
    when: str = ""
    unwatched: dict[str, str] = field(default_factory=dict)

    @property
    def trigger(self) -> str:
        """The statement that makes it."""
        arguments = (self.subject, self.key, ",".join(self.watched), ",".join(self.secret), self.device)
        quoted = ", ".join(f"'{argument}'" for argument in arguments)
        condition = f" WHEN ({self.when})" if self.when else ""
        return (
            f"CREATE TRIGGER audit AFTER {self.events} ON {self.table}"
            f" FOR EACH ROW{condition} EXECUTE FUNCTION staff_audit({quoted})"
        )

    @property
    def mark(self) -> str:
        """What the database keeps as the trigger's comment: which statement made it."""
        return hashlib.sha256(self.trigger.encode()).hexdigest()


def _any_of(*columns: str) -> str:
    return f"INSERT OR DELETE OR UPDATE OF {', '.join(columns)}"


_USER = ("email", "name", "password", "role", "is_active")
_DEVICE = ("name", "owner_id", "pet_id", "config", "retired_at", "mqtt_pass_hash", "claim_code_hash")
_RELEASE = ("version", "board", "state", "percent", "paused", "fail_percent")
AUDITED = (
    Audited(
        "accounts_user",
        "user",
        _any_of(*_USER),
        _USER,
        ("email", "name", "password"),
        unwatched={"id": ITSELF, "created_at": ITSELF, "last_login": "sessions are on record", "is_superuser": FOLLOWS},
    ),
    Audited(
        "accounts_user_groups",
        "user",
        "INSERT OR DELETE",
        ("group_id",),
        key="user_id",
        unwatched={"id": ITSELF, "user_id": ITSELF},
    ),
    Audited(
        "accounts_user_user_permissions",
        "user",
        "INSERT OR DELETE",
        ("permission_id",),
        key="user_id",
        unwatched={"id": ITSELF, "user_id": ITSELF},
    ),
    Audited(
        "accounts_usersession",
        "session",
        "INSERT OR UPDATE OF ended_at",
        ("id", "kind", "ended_at"),
        key="user_id",
        unwatched=dict.fromkeys(("user_id", "created_at", "ip", "user_agent"), ITSELF)
        | dict.fromkeys(("refresh_jti", "previous_jti", "refreshed_at", "expires_at"), MACHINE),
    ),
    Audited(
        "account_emailaddress",
        "address",
        "UPDATE OF email, verified",
        ("email", "verified"),
        ("email",),
        key="user_id",
        unwatched={"id": ITSELF, "user_id": ITSELF, "primary": "a person has one address"},
    ),
    Audited(
        "mfa_authenticator",
        "factor",
        "INSERT OR DELETE",
        ("type",),
        key="user_id",
        unwatched={
            "id": ITSELF,
            "user_id": ITSELF,
            "data": "the secret",
            "created_at": ITSELF,
            "last_used_at": MACHINE,
        },
    ),
    Audited(
        "pets_pet",
        "pet",
        "INSERT OR DELETE OR UPDATE",
        ("name", "species", "birthdate", "time_zone", "treats_per_day", "kcal_per_portion", "owner_id"),
        ("name", "birthdate"),
        unwatched={"id": ITSELF, "created_at": ITSELF, "picture_digest": "the picture is on record"},
    ),
    Audited(
        "pets_petpicture",
        "picture",
        "INSERT OR DELETE OR UPDATE",
        ("content",),
        ("content",),
        key="pet_id",
        unwatched={"pet_id": ITSELF},
    ),
    Audited(
        "devices_device",
        "device",
        _any_of(*_DEVICE),
        _DEVICE,
        ("mqtt_pass_hash", "claim_code_hash"),
        device="id",
        unwatched=dict.fromkeys(("id", "label", "mqtt_user", "created_at"), ITSELF)
        | dict.fromkeys(("owned_since", "password_shown", "claim_expires_at", "config_version"), FOLLOWS)
        | dict.fromkeys(("status", "reported", "latest", "latest_key", "last_seen"), MACHINE)
        | dict.fromkeys(("firmware_version", "board", "has_camera", "has_dispenser"), MACHINE)
        | dict.fromkeys(("suspended_until", "suspended_for"), MACHINE),
    ),
    Audited(
        "devices_batch",
        "batch",
        "INSERT OR DELETE OR UPDATE OF state, shown_at",
        ("number", "name", "size", "state", "shown_at"),
        unwatched=dict.fromkeys(("id", "made_by_id", "door", "request_id", "created_at"), ITSELF)
        | dict.fromkeys(("made", "moved_at"), MACHINE)
        | dict.fromkeys(("ended_at", "shown_to_id"), FOLLOWS),
    ),
    Audited(
        "devices_treatevent",
        "treat",
        "INSERT",
        ("portion", "source", "result", "pet_id"),
        device="device_id",
        unwatched=dict.fromkeys(("id", "device_id", "triggered_by_id", "event_time"), ITSELF)
        | dict.fromkeys(("idempotency_key", "expires_at", "published_at", "delivered_at", "settled_at"), LEDGER),
    ),
    Audited(
        "firmware_release",
        "release",
        _any_of(*_RELEASE),
        _RELEASE,
        unwatched=dict.fromkeys(("id", "notes", "manifest", "signature", "program", "size", "created_at"), ITSELF)
        | dict.fromkeys(("published_at", "withdrawn_at", "rolled_out_at"), FOLLOWS),
    ),
    Audited(
        "streaming_supportgrant",
        "grant",
        "INSERT OR DELETE OR UPDATE",
        ("granted_by_id", "expires_at", "ended_at"),
        device="device_id",
        unwatched=dict.fromkeys(("id", "device_id", "granted_at"), ITSELF),
    ),
    Audited(
        "streaming_streamsession",
        "stream",
        "UPDATE OF state",
        ("state", "reason"),
        device="device_id",
        when="NEW.reason = 'staff'",
        unwatched=dict.fromkeys(("id", "device_id", "owner_id", "requested_at"), ITSELF)
        | dict.fromkeys(("live_at", "ended_at", "dark_since", "watched_at", "leased_at"), LEDGER)
        | dict.fromkeys(("run", "run_at", "run_over", "key_hash", "key_expires_at", "key_used_at"), LEDGER),
    ),
)
TABLES = tuple(one.table for one in AUDITED)
# Of the tables that are there: somebody may have migrated one room only, or back.
_MARKS = """
    SELECT wanted.name, obj_description(t.oid, 'pg_trigger') FROM unnest(%s::text[]) AS wanted (name)
    LEFT JOIN pg_trigger t ON t.tgrelid = to_regclass(wanted.name) AND t.tgname = 'audit'
    WHERE to_regclass(wanted.name) IS NOT NULL AND to_regproc('staff_audit') IS NOT NULL
"""


def renew_triggers() -> list[str]:
    """Make the triggers that are missing or made by another line of the table. Returns their tables."""
    with connection.cursor() as cursor:
        cursor.execute(_MARKS, [list(TABLES)])
        marks: dict[str, str | None] = dict(cursor.fetchall())
    renewed = []
    for one in AUDITED:
        if marks.get(one.table, one.mark) == one.mark:
            continue
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '10s'")  # who writes goes first, and nobody waits behind us
            cursor.execute(f"DROP TRIGGER IF EXISTS audit ON {one.table}")
            cursor.execute(one.trigger)
            cursor.execute(f"COMMENT ON TRIGGER audit ON {one.table} IS '{one.mark}'")
        renewed.append(one.table)
    return renewed


def on_migrated(**kwargs: Any) -> None:
    """Receiver of post_migrate: the triggers follow the table."""
    renew_triggers()
