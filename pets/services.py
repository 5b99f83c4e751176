"""What can be done with a pet."""

from typing import Any

from django.db import transaction

from pets.models import Pet
from pets.signals import pet_deleting, time_zone_changing


@transaction.atomic
def update_pet(*, pet: Pet, changes: dict[str, Any]) -> Pet:
    """Write `changes` (validated field values). Collars are told when the time zone moved."""
    if "time_zone" in changes and changes["time_zone"] != pet.time_zone:
        time_zone_changing.send(Pet, pet=pet, time_zone=changes["time_zone"])
    if changes:
        Pet.objects.filter(pk=pet.pk).update(**changes)
        pet.refresh_from_db()
    return pet


@transaction.atomic
def delete_pet(*, pet: Pet) -> None:
    """Remove a pet. Raises Conflict while a collar is on it; the ledger of its treats stays."""
    Pet.objects.select_for_update().get(pk=pet.pk)
    pet_deleting.send(Pet, pet=pet)
    pet.delete()
