"""The account page and what hangs on it. Sign-up, confirmation, reset and the second factor are allauth's views."""

from typing import Any
from uuid import UUID

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import EmailAddress
from allauth.account.models import Login as Attempt
from allauth.account.views import PasswordChangeView
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import sessions
from accounts.models import User, UserSession
from core.context import THEME_COOKIE
from core.errors import ApiError, TooMany
from core.throttle import Limit
from devices.models import Device
from devices.services.account_deletion import delete_account
from pages.account.allauth_forms import CONFIRMING
from pages.account.forms import LookForm, PasswordForm, ProfileForm
from pages.account.user_agents import describe
from pages.forms import LoginForm
from pages.viewer import viewer

A_YEAR_S = 365 * 24 * 3600
LINKS = Limit("confirm-link", most=1, seconds=30)


class Login(LoginView):
    """E-mail and password; `next` is followed only within this site. What else is needed, allauth asks for."""

    template_name = "account/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True
    extra_context = {"signup": settings.SIGNUP}

    def form_valid(self, form: Any) -> HttpResponse:
        """The password was right."""
        user = form.get_user()
        attempt = Attempt(user=user, email=user.email, redirect_url=self.get_success_url())
        answer: HttpResponse = perform_password_login(self.request, {"email": user.email}, attempt)
        if answer.headers.get("Location") == reverse("account_email_verification_sent"):
            self.request.session[CONFIRMING] = user.email
        return answer


@require_POST
def confirm_again(request: HttpRequest) -> HttpResponse:
    """Send the link once more to the address of this session; it says and takes the same when there is none to send."""
    email = request.session.get(CONFIRMING)
    if not email:
        return redirect("account_login")
    try:
        LINKS.spend(email)
    except TooMany as refused:
        messages.error(request, _("A link was sent just now. Try again in {n} s.").format(n=refused.retry_after))
    else:
        waiting = EmailAddress.objects.filter(email__iexact=email, verified=False).select_related("user").first()
        nobody = EmailAddress(user=User.standing_in(email), email=email)
        (waiting or nobody).send_confirmation(request)
        messages.success(request, _("Sent once more."))
    return redirect("account_email_verification_sent")


class Logout(LogoutView):
    """By POST only."""

    next_page = "account_login"


class ChangePassword(PasswordChangeView):  # type: ignore[misc]
    success_url = reverse_lazy("account")


@require_safe
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Everything about me on one page."""
    return _account(request, ProfileForm(instance=viewer(request)))


def _account(request: HttpRequest, profile: ProfileForm) -> HttpResponse:
    user = viewer(request)
    here = request.session.get(sessions.SESSION_KEY)
    held = sessions.open_sessions().filter(user=user).order_by("-pk")
    context = {
        "profile": profile,
        "look": LookForm(initial={"language": request.LANGUAGE_CODE, "theme": request.COOKIES.get(THEME_COOKIE, "")}),
        "sessions": [(session, describe(session), str(session.pk) == here) for session in held],
        "second_factor": Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first(),
        "tab": "account",
    }
    return render(request, "account/account.html", context)


@require_POST
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Change my name."""
    form = ProfileForm(request.POST, instance=viewer(request))
    if not form.is_valid():
        return _account(request, form)
    form.save()
    messages.success(request, _("Saved."))
    return redirect("account")


@require_POST
@login_required
def look(request: HttpRequest) -> HttpResponse:
    """Language and theme of this browser."""
    form = LookForm(request.POST)
    answer = redirect("account")
    if form.is_valid():
        chosen = {settings.LANGUAGE_COOKIE_NAME: "language", THEME_COOKIE: "theme"}
        for cookie, field in chosen.items():
            value = form.cleaned_data[field]
            answer.set_cookie(cookie, value, A_YEAR_S, secure=request.is_secure(), httponly=True, samesite="Lax")
    return answer


@require_POST
@login_required
def end_session(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Sign one device out; somebody else's does not exist."""
    sessions.end(UserSession.objects.filter(user=viewer(request), pk=session_id))
    return redirect("account")


@require_POST
@login_required
def logout_all(request: HttpRequest) -> HttpResponse:
    """End every session, this one too."""
    sessions.end_all(user=viewer(request))
    request.session.flush()
    messages.success(request, _("You are signed out everywhere."))
    return redirect("account_login")


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def delete(request: HttpRequest) -> HttpResponse:
    """What ends and what stays; then, with the password, the end."""
    user = viewer(request)
    form = PasswordForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            delete_account(user=user)
        except ApiError as refused:
            form.add_error(None, refused.detail)
        else:
            request.session.flush()
            messages.success(request, _("Your account is deleted."))
            return redirect("account_login")
    context = {"form": form, "collars": Device.objects.in_use().filter(owner=user), "days": settings.RETENTION_DAYS}
    return render(request, "account/delete.html", {**context, "tab": "account"})
