"""Pet."""

from datetime import date, timedelta
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.editions import edition_of
from core.ids import uuid7
from core.times import now

EASTERNMOST = timedelta(hours=14)  # of UTC: where a day begins first
_ZONES = available_timezones() - {"localtime", "Factory", "posixrules"}


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is an IANA time zone."""
    if name not in _ZONES:
        raise ValidationError("Not a time zone that we know. Write it like Europe/Berlin.")


def validate_birthdate(born: date) -> None:
    """Raise ValidationError for a day that has begun nowhere yet."""
    if born > (now() + EASTERNMOST).date():
        raise ValidationError(_("This day cannot be right."))


class PetQuerySet(models.QuerySet["Pet"]):
    def visible_to(self, user: User) -> "PetQuerySet":
        """The one place that decides who may see and change a pet: its owner."""
        return self.filter(owner=user)


class Pet(models.Model):
    """An animal with its own day: the treat budget and the daily figures follow its time zone."""

    class Species(models.TextChoices):
        DOG = "dog"
        CAT = "cat"
        OTHER = "other"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="pets")
    name = models.CharField(max_length=80)
    species = models.CharField(max_length=8, choices=Species.choices, default=Species.OTHER)
    birthdate = models.DateField(null=True, blank=True, validators=[validate_birthdate])
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    treats_per_day = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(1000)], help_text="Portions; empty: no limit."
    )
    kcal_per_portion = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(10_000)]
    )
    picture_digest = models.CharField(max_length=32, blank=True, editable=False)  # names the PetPicture's content
    created_at = models.DateTimeField(default=now, editable=False)

    objects = PetQuerySet.as_manager()

    class Meta:
        indexes = [
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="pet_name_part"),
            models.Index(fields=["species", "-id"], name="pet_by_species"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def edition(self) -> str:
        """The ETag: another one as soon as somebody has changed the pet."""
        day = (self.time_zone, self.treats_per_day, self.kcal_per_portion)
        return edition_of(self.name, self.species, self.birthdate, *day)


class PetPicture(models.Model):
    """A pet's picture: a small square WebP without metadata. Beside the pet, so that lists do not read it."""

    pet = models.OneToOneField(Pet, models.CASCADE, primary_key=True, related_name="picture")
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"picture of {self.pet_id}"
