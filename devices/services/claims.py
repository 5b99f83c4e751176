"""Claiming and new passwords as people ask for them: within limits that stop guessing."""

from devices.models import Device
from devices.mqtt.registry import Credential
from devices.services import ownership
from hetri.accounts.models import User
from hetri.core.throttle import Limit
from pets.models import Pet

CREDENTIALS = Limit("credentials", most=10, seconds=3600)
WRONG_CLAIMS = Limit("claim-account", most=10, seconds=3600)
WRONG_CLAIMS_ADDRESS = Limit("claim-address", most=30, seconds=3600)


def claim(
    *, code: str, by: User, address: str, name: str | None = None, pet: Pet | None = None
) -> tuple[Device, Credential | None]:
    """As `ownership.claim`; wrong codes are counted per account and per address. Raises TooMany, too."""
    limits = [(WRONG_CLAIMS, str(by.pk)), (WRONG_CLAIMS_ADDRESS, address)]
    for limit, subject in limits:
        limit.spend(subject)
    claimed = ownership.claim(code=code, by=by, name=name, pet=pet)
    for limit, subject in limits:
        limit.refund(subject)
    return claimed


def renew(*, device: Device) -> Credential:
    """As `ownership.rotate`, 10 times an hour for each collar. Raises TooMany, too."""
    CREDENTIALS.spend(device.pk)
    return ownership.rotate(device=device)
