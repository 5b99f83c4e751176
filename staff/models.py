"""The audit trail, and the hours that the dashboard draws."""

from django.db import models
from django.db.models.functions import Now

from staff.audited import AUDITED


class FleetHour(models.Model):
    """The whole fleet in an hour: what the dashboard draws."""

    start = models.DateTimeField(primary_key=True)
    samples = models.BigIntegerField()  # taken in it
    treats = models.BigIntegerField(db_default=0)  # dispensed
    rejected = models.BigIntegerField(db_default=0)  # messages, as far as they were still kept when counted
    lag_ms = models.BigIntegerField(null=True)  # of the worst minute: the median from sampling to the table

    def __str__(self) -> str:
        return f"{self.samples} from {self.start}"


DOORS = ("admin", "api", "page", "command", "system")
VERBS = ("insert", "update", "delete", "view", "send", "export")
SUBJECTS = (*dict.fromkeys(one.subject for one in AUDITED), "list")


class AuditLine(models.Model):
    """One write. Made by triggers in the write's own transaction; PostgreSQL refuses to change or delete it.

    `changes` is `{field: [before, after]}`; of a personal or secret field the name only: `{field: null}`.
    """

    at = models.DateTimeField(db_default=Now())
    actor_id = models.UUIDField(null=True, blank=True)  # no foreign key: the line outlives the account
    door = models.CharField(max_length=8)
    request_id = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=6)  # one of VERBS
    subject = models.CharField(max_length=8)
    subject_id = models.UUIDField()
    device_id = models.UUIDField(null=True, blank=True)
    changes = models.JSONField(default=dict)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["subject_id", "-id"], name="audit_by_subject"),
            models.Index(fields=["actor_id", "-id"], name="audit_by_actor"),
            models.Index(fields=["device_id", "-id"], name="audit_by_device"),
            models.Index(fields=["request_id"], name="audit_by_request"),
            models.Index(fields=["door", "-id"], name="audit_by_door"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["subject", "-id"], name="audit_of_subject"),
        ]
        permissions = [
            ("operate", "Can act on collars of others"),
            ("reveal", "Can see personal data, with a reason"),
            ("release", "Can publish, roll out and withdraw releases"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject} {self.subject_id}"
