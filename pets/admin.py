from django.contrib import admin

from core.admin import HistoryAdmin
from core.redaction import masked
from pets.models import Pet, PetPicture


@admin.register(Pet)
class PetAdmin(HistoryAdmin):
    """Looked at here; its owner changes it."""

    list_display = ("name", "id", "species", "kept_by", "time_zone", "treats_per_day")
    list_filter = ("species",)
    search_fields = ("name",)
    search_help_text = "A pet's name"
    list_select_related = ("owner",)
    fields = ("name", "species", "birthdate", "kept_by", "time_zone", "treats_per_day", "kcal_per_portion")

    @admin.display(description="owner")
    def kept_by(self, pet: Pet) -> str:
        """The owner, masked."""
        return masked(pet.owner.email)


@admin.register(PetPicture)
class PetPictureAdmin(HistoryAdmin):
    """That there is one; the content is the owner's."""

    list_display = ("pet",)
    fields = ("pet",)
    list_select_related = ("pet",)
