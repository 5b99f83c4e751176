"""device.json: what a collar carries of itself in its flash (docs/protocol.md)."""

import json
import os
import ssl
from base64 import b64encode
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings

from devices.models import Device
from devices.mqtt.registry import Credential


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


def device_file(device: Device, credential: Credential) -> dict[str, Any]:
    """The contents of device.json: identity, broker, the CA that it trusts (DER, base64), first config."""
    authority = ssl.PEM_cert_to_DER_cert(settings.TLS_CA.read_text())
    return {
        "v": 1,
        "id": str(device.pk),
        "name": device.name,
        "mqtt": credential.public(),
        "ca": b64encode(authority).decode(),
        "config": device.config,
        "release_keys": release_keys(),
    }


def write_device_file(folder: Path, device: Device, credential: Credential) -> Path:
    """Write device.json into `folder`, readable by its owner only. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "device.json"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w") as file:
        json.dump(device_file(device, credential), file)
    return path
