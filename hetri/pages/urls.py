from django.urls import path

from hetri.pages import views

urlpatterns = [
    path("", views.home, name="home"),
    path("collar/<uuid:device_id>/", views.collar, name="collar"),
    path("collar/<uuid:device_id>/treat", views.collar_treat, name="collar_treat"),
    path("account/login", views.Login.as_view(), name="login"),
    path("account/logout", views.Logout.as_view(), name="logout"),
]
