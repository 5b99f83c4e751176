"""What a person may see of collars: asked by the API, the pages, the sockets and the rooms above."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q

from accounts.models import User
from accounts.roles import OPERATE, may, sees_all
from core.errors import Forbidden, NotFound
from devices.models import Assignment, Device, DeviceQuerySet

Span = tuple[datetime | None, datetime | None]  # from, inclusive, until, exclusive; None: open


@dataclass(frozen=True)
class Windows:
    """When somebody had a collar: spans in order, none touching the next."""

    spans: tuple[Span, ...]

    def contain(self, moment: datetime) -> bool:
        """Whether it was theirs then."""
        return any((start is None or start <= moment) and (end is None or moment < end) for start, end in self.spans)

    def within(self, name: str) -> Q:
        """A condition on a column of times."""
        if (None, None) in self.spans:
            return Q()
        found = Q(pk__in=[])
        for start, end in self.spans:
            since = Q() if start is None else Q(**{f"{name}__gte": start})
            until = Q() if end is None else Q(**{f"{name}__lt": end})
            found |= since & until
        return found


EVERYTHING = Windows(((None, None),))


def visible_to(user: User) -> DeviceQuerySet:
    """The collars that this person may see: their own; all, for who sees all."""
    return Device.objects.all() if sees_all(user) else Device.objects.filter(owner=user)


def to_list_for(user: User) -> DeviceQuerySet:
    """What a list shows: retired ones only to who sees all."""
    return visible_to(user) if sees_all(user) else visible_to(user).in_use()


def find_device(user: User, device_id: UUID) -> Device:
    """The collar if this person may see it. Raises NotFound, the same for a stranger's as for none."""
    device = visible_to(user).filter(pk=device_id).first()
    if device is None:
        raise NotFound
    return device


def find_device_to_change(user: User, device_id: UUID) -> Device:
    """The collar if this person may act on it. Raises NotFound, and Forbidden for staff who only look."""
    device = find_device(user, device_id)
    if not may_operate(user, device):
        raise Forbidden
    return device


def may_operate(user: User, device: Device) -> bool:
    """Whether this person may act on a collar that they see: its owner, and staff who operate."""
    return device.owner_id == user.pk or may(user, OPERATE)


def windows_of(user: User, device: Device) -> Windows:
    """When this person had the collar; who sees all sees all of it."""
    return windows_of_each(user, [device])[device.pk]


def windows_of_each(user: User, devices: Iterable[Device]) -> dict[UUID, Windows]:
    """`windows_of` for many collars, by their ids, with one query."""
    ids = [device.pk for device in devices]
    if sees_all(user):
        return dict.fromkeys(ids, EVERYTHING)
    spans: dict[UUID, list[Span]] = {pk: [] for pk in ids}
    had = Assignment.objects.filter(device__in=ids, owner=user).order_by(F("started_at").asc(nulls_first=True))
    for pk, start, end in had.values_list("device_id", "started_at", "ended_at"):
        own = spans[pk]
        if own and start is not None and own[-1][1] == start:
            own[-1] = own[-1][0], end  # only the pet changed
        else:
            own.append((start, end))
    return {pk: Windows(tuple(found)) for pk, found in spans.items()}
