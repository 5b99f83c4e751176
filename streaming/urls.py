from django.urls import path

from streaming import hooks
from streaming.api import views

urlpatterns = [
    path("devices/<uuid:device_id>/video_url", views.VideoUrlView.as_view()),
    path("devices/<uuid:device_id>/video_token", views.VideoTokenView.as_view()),
    path("devices/<uuid:device_id>/viewings", views.ViewingListView.as_view()),
    path("devices/<uuid:device_id>/support_view", views.SupportViewView.as_view()),
    path("internal/streaming/publish", hooks.publish),
    path("internal/streaming/publish_done", hooks.publish_done),
]
