from django.urls import path

from accounts import api

urlpatterns = [
    path("auth/login", api.LoginView.as_view()),
    path("auth/refresh", api.RefreshView.as_view()),
    path("auth/logout", api.LogoutView.as_view()),
    path("auth/logout_all", api.LogoutAllView.as_view()),
    path("me", api.MeView.as_view()),
]
