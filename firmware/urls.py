from django.urls import path, re_path

from firmware import download
from firmware.api import views

urlpatterns = [
    path("firmware/releases", views.ReleaseListView.as_view()),
    path("firmware/releases/<uuid:release_id>", views.ReleaseView.as_view()),
    path("firmware/releases/<uuid:release_id>/jobs", views.JobListView.as_view()),
    path("firmware/releases/<uuid:release_id>/<str:act>", views.ReleaseActView.as_view()),
    path("devices/<uuid:device_id>/updates", views.DeviceUpdatesView.as_view()),
    re_path(
        r"^firmware/(?P<job_id>[0-9a-f-]{36})/(?P<token>[0-9a-f]{64})/(?P<part>manifest|signature|program)$",
        download.piece,
    ),
]
