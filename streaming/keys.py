"""Publish keys: made for one run of one collar, good once, kept as a hash."""

import hashlib
import hmac
import secrets


def new_key() -> str:
    """256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """SHA-256, in hex: a key of 256 random bits needs no slower hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def matches(key: str, key_hash: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(hash_key(key), key_hash)
