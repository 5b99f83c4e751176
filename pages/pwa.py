"""What makes Hetri installable: the manifest, the service worker at the root, and the page for when there is no net."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe


@require_safe
@cache_control(max_age=3600)
def manifest(request: HttpRequest) -> HttpResponse:
    """The web app manifest."""
    icons = [
        {"src": static("img/icon-192.png"), "sizes": "192x192", "type": "image/png"},
        {"src": static("img/icon-512.png"), "sizes": "512x512", "type": "image/png"},
        {"src": static("img/icon-maskable.png"), "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
    ]
    body = {
        "name": "Hetri",
        "short_name": "Hetri",
        "description": _("See how your pet’s day goes"),  # noqa: RUF001
        "id": "/",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#F3F4F2",
        "theme_color": "#1F4F8F",
        "icons": icons,
    }
    return JsonResponse(body, content_type="application/manifest+json")


@require_safe
@cache_control(max_age=3600)
def icon(request: HttpRequest) -> HttpResponse:
    """Where programs look for an icon that read no page."""
    return redirect(static("img/icon-192.png"))


@require_safe
@cache_control(max_age=3600)
def robots(request: HttpRequest) -> HttpResponse:
    """Nothing here is for search engines: all of it is somebody's."""
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(max_age=0, no_cache=True)
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker. It keeps the offline page and its stylesheet, and no number."""
    context = {"page": reverse("offline"), "files": [static("css/hetri.css"), static("js/offline.js")]}
    return render(request, "worker.js", context, content_type="text/javascript")


@require_safe
@cache_control(max_age=0, no_cache=True)
def page(request: HttpRequest) -> HttpResponse:
    """Shown by the service worker when nothing answers."""
    return render(request, "offline.html")
