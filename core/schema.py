"""The OpenAPI document, made once by each process for each language: it takes 50 ms of CPU, and anybody may ask."""

from functools import cache
from typing import Any

from django.http import HttpResponse
from django.middleware.http import ConditionalGetMiddleware
from django.utils import translation
from django.utils.decorators import decorator_from_middleware, method_decorator
from django.views.decorators.cache import cache_control
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

FRESH_S = 300


@cache
def document(language: str) -> bytes:
    """As JSON, in one of the languages that are set."""
    with translation.override(language):
        made = SpectacularAPIView.generator_class().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    rendered: bytes = OpenApiJsonRenderer().render(made, renderer_context={})
    return rendered


@method_decorator(
    [cache_control(public=True, max_age=FRESH_S), decorator_from_middleware(ConditionalGetMiddleware)], "get"
)
class SchemaView(SpectacularAPIView):
    """GET /schema; 304 for who has it already."""

    renderer_classes = [OpenApiJsonRenderer]

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The document."""
        return HttpResponse(document(translation.get_language()), content_type=OpenApiJsonRenderer.media_type)
