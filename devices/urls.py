from django.urls import path

from devices.api import health, views

urlpatterns = [
    path("healthz", health.HealthView.as_view()),
    path("readyz", health.ReadyView.as_view()),
    path("devices", views.DeviceListView.as_view()),
    path("devices/claim", views.ClaimView.as_view()),
    path("devices/<uuid:device_id>", views.DeviceView.as_view()),
    path("devices/<uuid:device_id>/status", views.StatusView.as_view()),
    path("devices/<uuid:device_id>/credentials", views.CredentialsView.as_view()),
    path("devices/<uuid:device_id>/restore", views.RestoreView.as_view()),
    path("devices/<uuid:device_id>/handover", views.HandoverView.as_view()),
]
