"""The admin's site: staff only, and everybody else learns nothing of it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponseBase
from unfold.sites import UnfoldAdminSite

from accounts import second_factor
from core.admin import BaseAdmin

# Unfold's Alpine.js evaluates expressions of the markup, its htmx and Chart.js put style elements in; nowhere else is
# that allowed.
ADMIN_CSP = {"script-src": ["'self'", "'unsafe-eval'"], "style-src": ["'self'", "'unsafe-inline'"]}


FOREIGN = ("allauth", "django")  # libraries whose admin pages are not shown


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]
    """Unfold's site with Hetri's gate: 404 for whoever is not staff, and no entry without the second factor."""

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., HttpResponseBase]:
        """As Django's, but a stranger meets no login page."""
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request):
                raise Http404
            if (elsewhere := second_factor.detour(request)) is not None:
                return elsewhere
            answer: HttpResponseBase = guarded(request, *args, **kwargs)
            answer._csp_update = ADMIN_CSP  # type: ignore[attr-defined]
            return answer

        return gate

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Pages on our own bases only: those of libraries (FOREIGN) show and change everything, and are left out.

        Raises ImproperlyConfigured for a page of ours on another base.
        """
        if admin_class is not None and issubclass(admin_class, BaseAdmin):
            super().register(model_or_iterable, admin_class, **options)
        elif getattr(admin_class, "__module__", "").partition(".")[0] not in FOREIGN:
            raise ImproperlyConfigured(f"{admin_class} is no BaseAdmin (core.admin).")

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponseBase:
        """People sign in on the one page that all share."""
        raise Http404

    def password_change(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponseBase:
        """Nor do they change a password here: the account page asks for the present one, in turn, and tells them."""
        raise Http404

    def password_change_done(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponseBase:
        """As above."""
        raise Http404

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        """No form of ours completes names; a list of everybody's would get past the masks."""
        raise Http404

    def each_context(self, request: HttpRequest) -> dict[str, object]:
        """Without inline colours: they are in admin.css, where the content policy allows them."""
        return {**super().each_context(request), "colors": {}, "border_radius": None}
