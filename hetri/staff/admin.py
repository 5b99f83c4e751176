"""The audit trail in the admin."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from hetri.core.admin import HistoryAdmin, as_keys
from hetri.staff.models import AuditLine


@admin.register(AuditLine)
class AuditLineAdmin(HistoryAdmin):
    """Searched by who, by what, or by request."""

    list_display = ("at", "actor_id", "door", "action", "subject", "subject_id", "changes", "reason", "request_id")
    list_filter = ("door", "action", "subject")
    search_fields = ("request_id",)
    search_help_text = "The id of a person, a collar or a pet, or a request id"
    fields = list_display

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditLine], search_term: str
    ) -> tuple[QuerySet[AuditLine], bool]:
        """Whole ids only, each by its index."""
        term = search_term.strip()
        found = Q(request_id=term)
        for key in as_keys(term):
            found |= Q(subject_id=key) | Q(actor_id=key) | Q(device_id=key)
        return (queryset.filter(found) if term else queryset), False
