from django.contrib import admin

from hetri.core.admin import HistoryAdmin
from pets.models import Pet, PetPicture


@admin.register(Pet)
class PetAdmin(admin.ModelAdmin[Pet]):
    list_display = ("name", "species", "owner", "time_zone", "treats_per_day")
    list_filter = ("species",)
    search_fields = ("name", "owner__email")
    list_select_related = ("owner",)
    autocomplete_fields = ("owner",)
    show_full_result_count = False


@admin.register(PetPicture)
class PetPictureAdmin(HistoryAdmin):
    """That there is one; the content is the owner's."""

    list_display = ("pet",)
    fields = ("pet",)
    list_select_related = ("pet",)
