"""Secrets that the database has to hold: encrypted under keys that it does not hold."""

from base64 import urlsafe_b64encode
from hashlib import blake2b

from cryptography.fernet import Fernet
from django.conf import settings


def fernet_for(purpose: bytes) -> Fernet:
    """Encrypts and decrypts for one purpose (1 to 16 bytes), under a key of its own made from SECRET_KEY."""
    key = blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=purpose).digest()
    return Fernet(urlsafe_b64encode(key))
