"""device.json: what a collar carries of itself in its flash (docs/protocol.md)."""

import json
import os
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates
from django.conf import settings

from broker.registry import Credential
from devices.models import Device
from firmware.release_keys import release_keys


def device_file(device: Device, credential: Credential, **more: Any) -> dict[str, object]:
    """The contents of device.json: identity, broker, the CAs that it trusts, first config, and `more`.

    `ca` is base64 of DER, of several CAs one behind the other.

    `made` is now, in seconds since 1970: the collar's clock never was earlier.
    """
    return {
        "v": 1,
        "id": str(device.pk),
        "name": device.name,
        "mqtt": credential.public(),
        "ca": b64encode(b"".join(_authorities())).decode(),
        "config": device.config,
        "release_keys": release_keys(),
        "made": int(time.time()),
        **more,
    }


def _authorities() -> list[bytes]:
    return [one.public_bytes(Encoding.DER) for one in load_pem_x509_certificates(settings.TLS_CA.read_bytes())]


def write_device_file(folder: Path, device: Device, credential: Credential, **more: Any) -> Path:
    """Write device.json into `folder`. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_secret(folder / "device.json", json.dumps(device_file(device, credential, **more)).encode())


def write_secret(path: Path, data: bytes) -> Path:
    """Write a file that only its owner may read. Raises OSError."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    return path
