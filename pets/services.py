"""What can be done with a pet."""

from django.conf import settings
from django.db import transaction
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.editions import ANY, Match
from core.errors import Conflict
from pets.models import Pet
from pets.signals import pet_deleting, time_zone_changing


@transaction.atomic
def create_pet(*, owner: User, fields: dict[str, object]) -> Pet:
    """A new pet with `fields` (validated). Raises Conflict (`too_many`) when the owner has as many as one may have."""
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    if owner.pets.count() >= settings.PETS_PER_OWNER:
        raise Conflict(
            format_lazy(_("An account can have {n} pets. Remove one first."), n=settings.PETS_PER_OWNER),
            code="too_many",
        )
    return Pet.objects.create(owner=owner, **fields)


@transaction.atomic
def update_pet(*, pet: Pet, changes: dict[str, object], match: Match = ANY) -> Pet:
    """Write `changes` (validated field values). Collars are told when the time zone moved.

    Raises Changed when the pet is not as `match` asks.
    """
    if "time_zone" in changes and changes["time_zone"] != pet.time_zone:
        time_zone_changing.send(Pet, pet=pet, time_zone=changes["time_zone"])
    match.require(Pet.objects.select_for_update(no_key=True).get(pk=pet.pk).edition)
    if changes:
        Pet.objects.filter(pk=pet.pk).update(**changes)
        pet.refresh_from_db()
    return pet


@transaction.atomic
def delete_pet(*, pet: Pet, match: Match = ANY) -> None:
    """Remove a pet. Raises Conflict while a collar is on it, and Changed; the ledger of its treats stays."""
    match.require(Pet.objects.select_for_update().get(pk=pet.pk).edition)
    pet_deleting.send(Pet, pet=pet)
    pet.delete()
