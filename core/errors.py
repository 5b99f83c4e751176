"""Refusals that a caller meets: each has a status, a code for programs and a sentence for people."""


class ApiError(Exception):
    """Base of all refusals. `retry_after` is in seconds and becomes the header of that name."""

    status = 400
    code = "invalid"
    detail = "This request is not valid."
    retry_after: int | None = None

    def __init__(self, detail: str | None = None, *, code: str | None = None, retry_after: int | None = None) -> None:
        self.detail = detail or self.detail
        self.code = code or self.code
        self.retry_after = self.retry_after if retry_after is None else retry_after
        super().__init__(self.detail)

    def body(self) -> dict[str, object]:
        """The JSON body of the answer."""
        return {"code": self.code, "detail": self.detail}


class Invalid(ApiError):
    """400 with a message for each field."""

    def __init__(self, errors: dict[str, list[str]], detail: str = "Some fields are not valid.") -> None:
        super().__init__(detail)
        self.errors = errors

    def body(self) -> dict[str, object]:
        return {**super().body(), "errors": self.errors}


class NotAuthenticated(ApiError):
    status = 401
    code = "not_authenticated"
    detail = "Sign in first."


class BadToken(ApiError):
    status = 401
    code = "bad_token"
    detail = "This token is not valid, or its session has ended. Sign in again."


class BadCredentials(ApiError):
    status = 401
    code = "bad_credentials"
    detail = "E-mail or password is wrong."


class OtpRequired(ApiError):
    status = 401
    code = "otp_required"
    detail = "This account has a second factor. Send the code of the authenticator app as otp."


class FactorNeeded(ApiError):
    status = 403
    code = "second_factor_needed"
    detail = "Staff need a second factor. Log in with a browser and turn it on at /account/, then send its code as otp."


class EmailUnconfirmed(ApiError):
    status = 403
    code = "email_unconfirmed"
    detail = "Confirm the e-mail address first: the link is in the mail that we sent."


class Forbidden(ApiError):
    status = 403
    code = "forbidden"
    detail = "Your role does not allow this."


class BadPassword(Forbidden):
    code = "bad_password"
    detail = "The password is wrong."


class CsrfFailed(ApiError):
    status = 403
    code = "csrf_failed"
    detail = "The CSRF token is missing or wrong. Reload the page and try again."


class NotFound(ApiError):
    status = 404
    code = "not_found"
    detail = "This does not exist, or is not yours."


class Conflict(ApiError):
    status = 409
    code = "conflict"
    detail = "This is not possible in the present state."


class TooLarge(ApiError):
    status = 413
    code = "too_large"
    detail = "The body is too large."


class TooMany(ApiError):
    status = 429
    code = "throttled"
    detail = "Too many tries. Wait a little."
    retry_after = 60


class Unavailable(ApiError):
    status = 503
    code = "unavailable"
    detail = "A part of Hetri is down. Try again in a moment."
    retry_after = 5


class Busy(Unavailable):
    code = "busy"
    detail = "Too many people sign in at this moment. Try again in a few seconds."
    retry_after = 3
