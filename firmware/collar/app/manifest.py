"""What a release consists of, and whether it is one: signed, for this board, whole, not older than what runs."""

import hashlib
import json

# PKCS #1 v1.5 (RFC 8017, 8.2.2, 9.2) with SHA-256 and RSA-2048.
EXPONENT = 65_537
KEY_BYTES = 256
DIGEST_INFO = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
FOLDERS = ("app/", "board/")
MOST_FILES, LARGEST_FILE = 200, 200_000


class BadRelease(Exception):
    """A release that is not installed; says why in a word."""


def is_signed(text, signature, keys):
    """True if one of the keys (moduli) made this signature of these bytes."""
    digest = DIGEST_INFO + hashlib.sha256(text).digest()
    wanted = b"\x00\x01" + b"\xff" * (KEY_BYTES - 3 - len(digest)) + b"\x00" + digest
    number = int.from_bytes(signature, "big")
    return len(signature) == KEY_BYTES and any(
        number < key and pow(number, EXPONENT, key).to_bytes(KEY_BYTES, "big") == wanted for key in keys
    )


def parsed(text, signature, keys):
    """The manifest as a dict. Raises BadRelease."""
    if not is_signed(text, signature, keys):
        raise BadRelease("bad_signature")
    try:
        manifest = json.loads(text)
        for field, kind in (("version", str), ("board", str), ("files", list)):
            if not isinstance(manifest[field], kind):
                raise ValueError(field)
        if not 0 < len(manifest["files"]) <= MOST_FILES or not all(_is_file(one) for one in manifest["files"]):
            raise ValueError("files")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadRelease("bad_manifest")
    return manifest


def _is_file(one):
    path, size = one["path"], one["size"]
    inside = path.startswith(FOLDERS) and path.count("/") == 1 and ".." not in path
    return inside and isinstance(size, int) and 0 <= size <= LARGEST_FILE and len(one["sha256"]) == 64


def check_fit(manifest, board, version):
    """Raises BadRelease if the program is not for this board, or older than `version` and not meant to be."""
    if manifest["board"] != board:
        raise BadRelease("other_board")
    if numbers(manifest["version"]) < numbers(version) and manifest.get("allow_older") is not True:
        raise BadRelease("older")


def numbers(version):
    """`1.10.2` as (1, 10, 2); what is no number counts as 0."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
