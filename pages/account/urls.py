"""Names are those that django-allauth asks for."""

from allauth.account import views as allauth
from allauth.mfa.base import views as factor
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from django.urls import path, re_path
from django.views.generic import RedirectView

from pages.account import views

urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/profile", views.profile, name="account_profile"),
    path("account/look", views.look, name="account_look"),
    path("account/sessions/<uuid:session_id>/end", views.end_session, name="account_end_session"),
    path("account/logout-all", views.logout_all, name="account_logout_all"),
    path("account/delete", views.delete, name="account_delete"),
    path("account/login", views.Login.as_view(), name="account_login"),
    path("account/logout", views.Logout.as_view(), name="account_logout"),
    path("account/signup", allauth.signup, name="account_signup"),
    path("account/inactive", allauth.account_inactive, name="account_inactive"),
    path("account/confirm", allauth.email_verification_sent, name="account_email_verification_sent"),
    path("account/confirm/again", views.confirm_again, name="account_confirm_again"),
    path("account/confirm/<str:key>", allauth.confirm_email, name="account_confirm_email"),
    path("account/email", RedirectView.as_view(pattern_name="account"), name="account_email"),
    path("account/password", views.ChangePassword.as_view(), name="account_change_password"),
    path(
        "account/password/set", RedirectView.as_view(pattern_name="account_reset_password"), name="account_set_password"
    ),
    path("account/password/reset", allauth.password_reset, name="account_reset_password"),
    path("account/password/reset/sent", allauth.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^account/password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "account/password/reset/done",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("account/again", allauth.reauthenticate, name="account_reauthenticate"),
    path("account/second-factor", RedirectView.as_view(pattern_name="account"), name="mfa_index"),
    path("account/second-factor/code", factor.authenticate, name="mfa_authenticate"),
    path("account/second-factor/again", factor.reauthenticate, name="mfa_reauthenticate"),
    path("account/second-factor/on", totp.activate_totp, name="mfa_activate_totp"),
    path("account/second-factor/off", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/second-factor/codes", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/second-factor/codes/new", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/second-factor/codes.txt", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
]
