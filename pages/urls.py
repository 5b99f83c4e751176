from django.urls import path
from django.views.generic import RedirectView

from pages import pwa, views
from pages.collars import views as collars
from pages.pets import views as pets

urlpatterns = [
    path("", views.home, name="home"),
    path("collar/add", collars.collar_add, name="collar_add"),
    path("collar/build", collars.collar_build, name="collar_build"),
    path("collar/<uuid:device_id>/", views.collar, name="collar"),
    path("collar/<uuid:device_id>/treat", views.collar_treat, name="collar_treat"),
    path("collar/<uuid:device_id>/treats", views.treat_list, name="collar_treats"),
    path("collar/<uuid:device_id>/viewers", views.viewer_list, name="collar_viewers"),
    path("collar/<uuid:device_id>/settings", collars.collar_settings, name="collar_settings"),
    path("collar/<uuid:device_id>/check", collars.collar_checklist, name="collar_check"),
    path("collar/<uuid:device_id>/support", collars.support_view, name="collar_support"),
    path("collar/<uuid:device_id>/credentials", collars.collar_credentials, name="collar_credentials"),
    path("collar/<uuid:device_id>/handover", collars.hand_over, name="collar_hand_over"),
    path("collar/<uuid:device_id>/handover/cancel", collars.call_off_handover, name="collar_call_off"),
    path("collar/<uuid:device_id>/remove", collars.collar_remove, name="collar_remove"),
    path("pet/", pets.pet_list, name="pets"),
    path("pet/add", pets.pet_add, name="pet_add"),
    path("pet/<uuid:pet_id>/", pets.pet_detail, name="pet"),
    path("pet/<uuid:pet_id>/edit", pets.pet_edit, name="pet_edit"),
    path("pet/<uuid:pet_id>/remove", pets.pet_remove, name="pet_remove"),
    path("pet/<uuid:pet_id>/picture", pets.change_picture, name="pet_change_picture"),
    path("pet/<uuid:pet_id>/picture/<slug:digest>", pets.pet_picture, name="pet_picture"),
    *[path(name, RedirectView.as_view(url=f"/{name}/", query_string=True)) for name in ("account", "admin", "pet")],
    path("collar/<uuid:device_id>", RedirectView.as_view(pattern_name="collar", query_string=True)),
    path("pet/<uuid:pet_id>", RedirectView.as_view(pattern_name="pet", query_string=True)),
    path("favicon.ico", pwa.icon),
    path("robots.txt", pwa.robots),
    path("app.webmanifest", pwa.manifest, name="manifest"),
    path("worker.js", pwa.worker, name="worker"),
    path("account/offline", pwa.page, name="offline"),
    path("internal/signed_in", views.signed_in),
]
