"""Every path of the web process. API paths have no trailing slash; pages live under their own prefixes."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from core.schema import SchemaView

handler400 = "core.views.bad_request"
handler403 = "core.views.permission_denied"
handler404 = "core.views.not_found"
handler500 = "core.views.server_error"

urlpatterns = [
    path("", include("pages.urls")),
    path("", include("pages.account.urls")),
    path("", include("accounts.urls")),
    path("", include("pets.urls")),
    path("", include("devices.urls")),
    path("", include("treats.urls")),
    path("", include("telemetry.urls")),
    path("", include("streaming.urls")),
    path("", include("firmware.urls")),
    path("schema", SchemaView.as_view()),
    path("schema/docs", SpectacularSwaggerSplitView.as_view(url="/schema", http_method_names=["get", "head"])),
    path("admin/", admin.site.urls),
]
