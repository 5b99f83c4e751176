from django.urls import path

from telemetry import api

urlpatterns = [path("devices/<uuid:device_id>/telemetry", api.TelemetryView.as_view())]
