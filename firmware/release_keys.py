"""Whose signatures collars accept."""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings


def modulus(key: RSAPublicKey) -> str:
    """How collars know a key: its modulus in hex."""
    return f"{key.public_numbers().n:x}"


def release_keys() -> list[str]:
    """Who may sign programs for collars: the moduli of their RSA keys, in hex."""
    found = []
    for path in settings.RELEASE_PUBLIC_KEYS:
        key = load_pem_public_key(path.read_bytes()) if path.is_file() else None
        if isinstance(key, RSAPublicKey):
            found.append(modulus(key))
    return found
