"""Refusals that a caller meets: each has a status, a code for programs and a sentence for people.

The sentence is marked for translation where it is raised. Pages show it in the reader's language; the API and the
admin speak English, whatever the request asks for (core.middleware.Language).
"""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

Text = StrOrPromise


class ApiError(Exception):
    """Base of all refusals. `retry_after` is in seconds and becomes the header of that name."""

    status = 400
    code = "invalid"
    detail: Text = _("This request is not valid.")
    retry_after: int | None = None

    def __init__(self, detail: Text | None = None, *, code: str | None = None, retry_after: int | None = None) -> None:
        self.detail = detail or self.detail
        self.code = code or self.code
        self.retry_after = self.retry_after if retry_after is None else retry_after
        super().__init__(self.code)

    def __str__(self) -> str:
        return str(self.detail)

    def body(self) -> dict[str, object]:
        """The JSON body of the answer."""
        return {"code": self.code, "detail": str(self.detail)}


class Invalid(ApiError):
    """400 with a message for each field."""

    detail = _("Some fields are not valid.")

    def __init__(self, errors: Mapping[str, Sequence[Text]], detail: Text | None = None) -> None:
        super().__init__(detail)
        self.errors = {name: [str(text) for text in texts] for name, texts in errors.items()}

    def body(self) -> dict[str, object]:
        return {**super().body(), "errors": self.errors}


class NotAuthenticated(ApiError):
    status = 401
    code = "not_authenticated"
    detail = _("Sign in first.")


class BadToken(ApiError):
    status = 401
    code = "bad_token"
    detail = _("This token is not valid, or its session has ended. Sign in again.")


class BadCredentials(ApiError):
    status = 401
    code = "bad_credentials"
    detail = _("E-mail or password is wrong.")


class OtpRequired(ApiError):
    status = 401
    code = "otp_required"
    detail = _("This account has a second factor. Send the code of the authenticator app as otp.")


class FactorNeeded(ApiError):
    status = 403
    code = "second_factor_needed"
    detail = _(
        "Staff need a second factor. Log in with a browser and turn it on at /account/, then send its code as otp."
    )


class EmailUnconfirmed(ApiError):
    status = 403
    code = "email_unconfirmed"
    detail = _("Confirm the e-mail address first: the link is in the mail that we sent.")


class Forbidden(ApiError):
    status = 403
    code = "forbidden"
    detail = _("Your role does not allow this.")


class BadPassword(Forbidden):
    code = "bad_password"
    detail = _("The password is wrong.")


class CsrfFailed(ApiError):
    status = 403
    code = "csrf_failed"
    detail = _("The CSRF token is missing or wrong. Reload the page and try again.")


class NotFound(ApiError):
    status = 404
    code = "not_found"
    detail = _("This does not exist, or is not yours.")


class Conflict(ApiError):
    status = 409
    code = "conflict"
    detail = _("Somebody changed this just now. Look again, then try once more.")


class TooLarge(ApiError):
    status = 413
    code = "too_large"
    detail = _("The body is too large.")


class TooMany(ApiError):
    status = 429
    code = "throttled"
    detail = _("Too many tries. Wait a little, then try again.")
    retry_after = 60


class Unavailable(ApiError):
    status = 503
    code = "unavailable"
    detail = _("A part of Hetri is down. Nothing was changed; try again in a moment.")
    retry_after = 5


class Busy(Unavailable):
    code = "busy"
    detail = _("Too many people sign in at this moment. Try again in a few seconds.")
    retry_after = 3
