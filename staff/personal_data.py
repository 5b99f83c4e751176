"""What staff see and do of a person: with a reason, and on record."""

from uuid import UUID

from django.db import transaction
from django.http import Http404

from accounts.helping import HELPS
from accounts.models import User
from staff.audit_log import record

REASON_LEAST, REASON_MOST = 10, 200  # characters


@transaction.atomic
def reveal(*, user_id: UUID, by: User, reason: str) -> User:
    """The person, once the trail says who looked and why. Raises Http404 for nobody."""
    found = User.objects.filter(pk=user_id).first()
    if found is None:
        raise Http404
    unseen = {"email": None, "name": None}
    record(by=by, action="view", subject="user", subject_id=user_id, changes=unseen, reason=reason)
    return found


@transaction.atomic
def help_person(*, user_id: UUID, name: str, by: User, reason: str) -> str:
    """Do one of HELPS for somebody, once the trail says who and why; what was done. Raises Http404 and ApiError."""
    found = User.objects.filter(pk=user_id).first()
    if found is None:
        raise Http404
    record(by=by, action="update", subject="user", subject_id=user_id, changes={name: None}, reason=reason)
    return HELPS[name].run(found)
