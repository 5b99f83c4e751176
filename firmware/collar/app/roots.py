"""CAs that came with this program, in DER one behind the other, beside those of device.json (docs/decisions/certificates.md)."""

MORE = b""
