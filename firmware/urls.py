from django.urls import path

from firmware import download
from firmware.api import views

urlpatterns = [
    path("firmware/releases", views.ReleaseListView.as_view()),
    path("firmware/releases/<uuid:release_id>", views.ReleaseView.as_view()),
    path("firmware/releases/<uuid:release_id>/jobs", views.JobListView.as_view()),
    path("firmware/releases/<uuid:release_id>/<str:act>", views.ReleaseActView.as_view()),
    path("devices/<uuid:device_id>/updates", views.DeviceUpdatesView.as_view()),
    path("firmware/<uuid:job_id>/<str:token>/<str:part>", download.piece),
]
