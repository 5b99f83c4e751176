from django.urls import path

from treats.api import order, views

urlpatterns = [
    path("devices/<uuid:device_id>/treat", order.treat),
    path("devices/<uuid:device_id>/treats", views.TreatListView.as_view()),
    path("devices/<uuid:device_id>/treats/<uuid:treat_id>", views.TreatView.as_view()),
]
