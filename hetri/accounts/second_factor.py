"""The second factor where no page asks for it: programs that sign in."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator

from hetri.accounts.models import User
from hetri.core.errors import EmailUnconfirmed, OtpRequired


def prove(user: User, *, otp: str | None) -> None:
    """What a program shows beside the password. A code is good once.

    Raises EmailUnconfirmed, and OtpRequired when a second factor is set and `otp` is missing or wrong.
    """
    if not EmailAddress.objects.filter(user=user, verified=True).exists():
        raise EmailUnconfirmed
    factors = list(Authenticator.objects.filter(user=user))
    if not factors:
        return
    if otp is None:
        raise OtpRequired
    if not any(factor.wrap().validate_code(otp) for factor in factors):
        raise OtpRequired("This code is wrong, or was used before. Wait for the next one.")
