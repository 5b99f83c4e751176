from django.urls import path

from pets import api

urlpatterns = [
    path("pets", api.PetListView.as_view()),
    path("pets/<uuid:pet_id>", api.PetView.as_view()),
]
