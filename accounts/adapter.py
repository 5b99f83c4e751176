"""How django-allauth fits Hetri: our user's name, our words, secrets that the database does not hold in the clear."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import letters
from accounts.invitations import may_sign_up
from accounts.models import User
from core.encryption import fernet_for

PURPOSE = b"hetri.2nd"  # of the key that encrypts second factors
CODES_MADE = "mfa/messages/recovery_codes_generated.txt"
# What is worth saying on the next page; the rest is seen there anyway.
SAID = {
    "account/messages/password_changed.txt": _("Your password is changed. All your other devices are signed out."),
    "account/messages/email_confirmed.txt": _("Your e-mail address is confirmed."),
    "mfa/messages/totp_activated.txt": _("The second factor is on. Keep the recovery codes in a safe place."),
    "mfa/messages/totp_deactivated.txt": _("The second factor is off."),
    CODES_MADE: _("These codes are new. The old ones no longer work."),
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up with a name; messages in our words."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "enter_current_password": _("This is not your present password."),
        "incorrect_password": _("The password is wrong."),
        "too_many_login_attempts": _("Too many tries. Wait five minutes, then try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Asked by the page of sign-up."""
        return may_sign_up(request)

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """The person who signs up; the form has hashed the password before it began to write."""
        user.email, user.name = form.cleaned_data["email"], form.cleaned_data["name"]
        user.password = form.hashed_password
        if commit:
            user.save()
        return user

    def send_mail(self, template_prefix: str, email: str, context: dict[str, object]) -> None:
        """Write it here, in the reader's language; a worker sends it. One to a stand-in goes nowhere."""
        about = {"request": self.request, "email": email, "current_site": get_current_site(self.request), **context}
        letter = self.render_mail(template_prefix, email, about)
        if isinstance(user := context.get("user"), User) and user.stands_in:
            letter.to = []
        letters.post(letter)

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *_: Any, **__: Any
    ) -> None:
        """Say it in our words, or not at all."""
        words = SAID.get(message_template or "")
        match = request.resolver_match
        first_codes = match is not None and match.url_name == "mfa_activate_totp" and message_template == CODES_MADE
        if words and not first_codes:  # which replace none
            messages.add_message(request, messages.SUCCESS if level < messages.ERROR else level, words)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticators are encrypted under a key outside the database."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "cannot_delete_authenticator": _("Staff keep the second factor."),
        "incorrect_code": _("This code is wrong, or was used before. Wait for the next one."),
    }

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Not where it is a must."""
        return not (authenticator.user.is_staff and settings.STAFF_SECOND_FACTOR)

    def encrypt(self, text: str) -> str:
        """Text for the database."""
        return fernet_for(PURPOSE).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The text again. Raises InvalidToken when the key is another."""
        return fernet_for(PURPOSE).decrypt(encrypted_text.encode()).decode()
