"""People and their sessions in the admin. Personal data is masked until somebody says why they need it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import CheckboxSelectMultiple
from django.http import HttpRequest

from accounts import sessions
from accounts.models import Role, SignInFailure, User, UserSession
from core.admin import BaseAdmin, HistoryAdmin, SinceFilter, as_keys
from core.models import KeptAnswer, RateCount
from core.redaction import masked


class UserAdmin(BaseAdmin):
    """Found by their whole e-mail or id; shown masked."""

    list_display = ("masked_email", "id", "role", "is_active", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("email",)
    search_help_text = "A whole e-mail, or an id"
    fields = ("masked_email", "role", "is_active", "groups", "created_at")
    readonly_fields = ("masked_email", "created_at")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The few groups as boxes to tick."""
        field = super().formfield_for_manytomany(db_field, request, widget=CheckboxSelectMultiple, **kwargs)
        field.help_text = "What a member of staff may. Owners need none, admins may everything."
        return field

    @admin.display(description="e-mail")
    def masked_email(self, user: User) -> str:
        """Enough to tell two people apart."""
        return masked(user.email)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """Nobody is found by guessing parts of an address."""
        term = search_term.strip().lower()
        if not term:
            return queryset, False
        return queryset.filter(email=term) if "@" in term else queryset.filter(pk__in=as_keys(term)), False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Who gets another role signs in anew: a sign-in of staff has another length, and needs more."""
        obj.is_superuser = obj.role == Role.ADMIN
        super().save_model(request, obj, form, change)
        if {"role", "is_active"} & set(form.changed_data):
            sessions.end_all(user=obj)


class OfPersonAdmin(HistoryAdmin):
    """History of people: searched by the whole id of one."""

    search_fields = ("user",)
    search_help_text = "A user's id"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (queryset.filter(user__in=as_keys(search_term)) if search_term else queryset), False


@admin.register(UserSession)
class UserSessionAdmin(OfPersonAdmin):
    """Every sign-in, by browser or by token."""

    list_display = ("created_at", "user_id", "kind", "expires_at", "ended_at")
    list_filter = ("kind", SinceFilter)
    fields = ("user_id", "kind", "created_at", "expires_at", "ended_at")


@admin.register(SignInFailure)
class SignInFailureAdmin(OfPersonAdmin):
    """Sign-ins that failed, by person and day; without a person: addresses that are nobody's."""

    list_display = ("last_at", "user_id", "wrong", "throttled", "day")
    list_filter = (SinceFilter,)
    fields = list_display


@admin.register(RateCount)
class RateCountAdmin(HistoryAdmin):
    """Who is near a limit; the subject is a digest."""

    list_display = ("key", "count", "window_start")


@admin.register(KeptAnswer)
class KeptAnswerAdmin(HistoryAdmin):
    """Which repeats are answered from memory; the answers themselves are sealed."""

    list_display = ("begun_at", "caller", "path", "status")
    fields = list_display
