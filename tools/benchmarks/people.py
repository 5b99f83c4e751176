"""An owner and collars for the benchmarks, made without the throttles of the public door."""

from uuid import uuid4

from django.test import RequestFactory

from accounts import tokens
from accounts.models import User
from broker.registry import Credential, new_credential, registry
from core.ids import uuid7
from devices.models import Assignment, Device


def make_owner() -> tuple[User, str]:
    """A user and an access token of theirs."""
    user = User.objects.create_user(f"bench-{uuid4().hex[:8]}@example.com", None, name="Bench")
    return user, tokens.issue(user=user, request=RequestFactory().get("/"))["access"]


def make_devices(owner: User, count: int) -> list[tuple[Device, Credential]]:
    """Collars of this owner, written in bulk; the broker knows them when this returns."""
    made = []
    for number in range(count):
        key = uuid7()
        credential = new_credential(str(key))
        names = {"mqtt_user": credential.ref, "mqtt_pass_hash": credential.verifier}
        made.append((Device(pk=key, name=f"Bench {number}", owner=owner, **names), credential))
    Device.objects.bulk_create([device for device, _ in made])
    Assignment.objects.bulk_create([Assignment(device=device, owner=owner) for device, _ in made])
    registry().provision(made[-1][1])
    return made
