"""Who may connect to the broker. One small interface, so that another broker can be the second one.

`mqtt_pass_hash` in the database is the truth; what the broker holds is made from it and can be made again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from broker.credentials import hash_password, new_password

_sources: list[Callable[[], str]] = []


@dataclass(frozen=True)
class Credential:
    """An identity on the broker. `ref` is opaque to callers; `password` is shown once and never kept."""

    ref: str
    password: str
    verifier: str

    def __repr__(self) -> str:
        return f"Credential({self.ref})"

    def public(self) -> dict[str, object]:
        """What a collar needs to connect: the `mqtt` object of the API."""
        return {
            "host": settings.MQTT_PUBLIC_HOST,
            "port": settings.MQTT_PUBLIC_PORT,
            "username": self.ref,
            "password": self.password,
            "client_id": self.ref,
        }


def new_credential(ref: str) -> Credential:
    """A fresh secret for `ref`; nobody knows it yet."""
    password = new_password()
    return Credential(ref=ref, password=password, verifier=hash_password(password))


class BrokerRegistry(Protocol):
    """What the broker holds follows the database: collars in use, and identities on trial (services/trials.py)."""

    def require(self) -> None:
        """Raise Unavailable when identities cannot be changed now: ask before writing what needs it."""

    def provision(self, *credentials: Credential) -> None:
        """Let these in, all by one change; usable when this returns, and sessions of an older password are cut.

        Raises Unavailable when the broker did not take them in time.
        """

    def remove(self, *refs: str) -> None:
        """Shut these out and cut their sessions; done when this returns. Raises Unavailable as above."""

    def exists(self, ref: str) -> bool:
        """Whether the broker would let `ref` in with the right password."""

    def sync(self) -> bool:
        """Make the broker hold what the database holds, waiting for nothing. Returns whether anything differed."""


def take_identities_from(source: Callable[[], str]) -> None:
    """Say who knows which identities there are: `source` gives a line `ref:verifier` for each, in a fixed order."""
    _sources[:] = [source]


def identity_lines() -> str:
    """The identities that the broker is to hold now, as the database says."""
    (source,) = _sources
    return source()


def registry() -> BrokerRegistry:
    """The registry of this installation's broker: the setting BROKER_REGISTRY names its class."""
    made: BrokerRegistry = import_string(settings.BROKER_REGISTRY)()
    return made
