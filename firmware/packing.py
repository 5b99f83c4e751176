"""A release's three parts: the program's files joined, the manifest of them, and the signature of the manifest."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import load_pem_x509_certificates

from firmware.simulation import COLLAR

FOLDERS = ("app", "board")
BOARD = "freenove_s3_cam"  # the one that this checkout's program is for
KEY_BITS = 2048


class BadKey(ValueError):
    """A key file that is none of ours; says why."""


@dataclass(frozen=True)
class Pack:
    """What a collar downloads: `manifest` (JSON, UTF-8) names the files in `program`, in its order."""

    manifest: bytes
    signature: bytes
    program: bytes


def pack(
    *,
    version: str,
    board: str,
    key: rsa.RSAPrivateKey,
    allow_older: bool = False,
    source: Path = COLLAR,
    roots: bytes = b"",
) -> Pack:
    """Join and sign the program in `source`. `roots` (PEM) are CAs that its collars trust beside those they know.

    Raises ValueError when `roots` holds something else.
    """
    bodies = _bodies(source)
    if roots:
        bodies["app/roots.py"] = f"MORE = {joined(roots)!r}\n".encode()
    manifest = _manifest(bodies, version=version, board=board, allow_older=allow_older)
    return Pack(manifest, sign(manifest, key), b"".join(bodies.values()))


def unsigned(source: Path = COLLAR) -> Pack:
    """This checkout's program, as it is put on a board by hand: nobody asks for a signature there."""
    bodies = _bodies(source)
    found = re.search(rb'^FIRMWARE = "(.+)"', bodies["app/main.py"], re.MULTILINE)
    if found is None:
        raise ValueError("app/main.py names no FIRMWARE")
    manifest = _manifest(bodies, version=found[1].decode(), board=BOARD, allow_older=False)
    return Pack(manifest, b"", b"".join(bodies.values()))


def _bodies(source: Path) -> dict[str, bytes]:
    paths = [path for folder in FOLDERS for path in sorted((source / folder).glob("*.py"))]
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in paths}


def _manifest(bodies: dict[str, bytes], **about: str | bool) -> bytes:
    files = [
        {"path": name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in bodies.items()
    ]
    return json.dumps({"v": 1, **about, "files": files}, separators=(",", ":")).encode()


def sign(text: bytes, key: rsa.RSAPrivateKey) -> bytes:
    """RSA-2048, PKCS #1 v1.5, SHA-256 (RFC 8017, 8.2)."""
    return key.sign(text, padding.PKCS1v15(), hashes.SHA256())


def joined(roots: bytes) -> bytes:
    """How collars hold CAs: in DER, one behind the other. Raises ValueError when `roots` (PEM) holds none."""
    return b"".join(one.public_bytes(serialization.Encoding.DER) for one in load_pem_x509_certificates(roots))


def unpack(packed: Pack, slot: Path) -> None:
    """Lay a program into a slot's folder, as a collar would."""
    offset = 0
    for one in json.loads(packed.manifest)["files"]:
        path = slot / one["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed.program[offset : offset + one["size"]])
        offset += one["size"]
    (slot / "manifest.json").write_bytes(packed.manifest)


def new_key(path: Path) -> rsa.RSAPrivateKey:
    """Make a signing key at `path` (mode 0600), its public half beside it as `.pub`. Raises FileExistsError."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    kept = serialization.PrivateFormat.PKCS8
    text = key.private_bytes(serialization.Encoding.PEM, kept, serialization.NoEncryption())
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    known = serialization.PublicFormat.SubjectPublicKeyInfo
    path.with_suffix(".pub").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, known))
    return key


def read_key(path: Path) -> rsa.RSAPrivateKey:
    """The signing key in a PEM file. Raises BadKey."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise BadKey(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{path} holds no private key without a password") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != KEY_BITS:
        raise BadKey(f"{path} is no RSA key of {KEY_BITS} bits")
    return key
