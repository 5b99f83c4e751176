"""What goes with a collar on paper or as a file: device.json as a link, a code as a pattern to scan."""

import json
from base64 import b64encode
from io import BytesIO

import qrcode
from qrcode.image.svg import SvgPathImage

from broker.registry import Credential
from devices.models import Device
from provisioning.device_file import device_file


def download(device: Device, credential: Credential) -> str:
    """device.json as a data: URL, so that it is asked for nowhere and works without scripts."""
    return _data_url("application/json", json.dumps(device_file(device, credential), indent=2).encode())


def pattern(text: str) -> str:
    """A QR code as the data: URL of an image."""
    drawn = BytesIO()
    qrcode.make(text, image_factory=SvgPathImage).save(drawn)
    return _data_url("image/svg+xml", drawn.getvalue())


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"
