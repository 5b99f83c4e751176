"""Passwords of collars, as Mosquitto keeps them, and claim codes."""

import hashlib
import hmac
import secrets
import unicodedata
from base64 import b64decode, b64encode

from django.conf import settings

# One round: the password is 32 random bytes, so stretching adds nothing, and the broker checks every open
# session again at each reload (docs/decisions/broker-identity.md).
ROUNDS = 1
# Crockford's base32 (https://www.crockford.com/base32.html): no I, L, O, U.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 8
_READ_AS = str.maketrans("OIL", "011")
# Dashes, blanks, controls and what has no width: what a mail or a PDF puts between the letters, or breaks lines with.
_BETWEEN = frozenset({"Pd", "Zs", "Zl", "Zp", "Cc", "Cf"})
_MINUS = "\u2212"  # a sign to Unicode, a dash to people


def new_password() -> str:
    """43 characters that carry 32 random bytes."""
    return secrets.token_urlsafe(32)


def hash_password(password: str) -> str:
    """Mosquitto's `$7$` form: PBKDF2-HMAC-SHA512, 12 bytes of salt, 64 bytes of hash (mosquitto_passwd(1))."""
    return _verifier(password, secrets.token_bytes(12), ROUNDS)


def hash_derived(password: str) -> str:
    """As `hash_password`, the same each time: for a password that itself follows from other things."""
    return _verifier(password, hashlib.sha256(password.encode()).digest()[:12], ROUNDS)


def password_matches(password: str, verifier: str) -> bool:
    """Whether `verifier` was made from `password`."""
    _, _, rounds, salt, _ = verifier.split("$")
    return hmac.compare_digest(_verifier(password, b64decode(salt), int(rounds)), verifier)


def _verifier(password: str, salt: bytes, rounds: int) -> str:
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$7${rounds}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def new_claim_code() -> str:
    """A code for people: `7K3M-9QXT`."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    return f"{code[:4]}-{code[4:]}"


def hash_claim_code(code: str) -> str | None:
    """HMAC of a typed code, case, dashes and blanks of any kind ignored, O read as 0, I and L as 1.

    None when it cannot be a code.
    """
    letters = unicodedata.normalize("NFKC", code.replace(_MINUS, "")).upper()
    plain = "".join(letter for letter in letters if unicodedata.category(letter) not in _BETWEEN).translate(_READ_AS)
    if len(plain) != CODE_LENGTH or any(letter not in ALPHABET for letter in plain):
        return None
    return hmac.new(settings.CLAIM_KEY.encode(), plain.encode(), hashlib.sha256).hexdigest()
