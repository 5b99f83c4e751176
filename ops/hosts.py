"""The names that the public server answers to, as nginx compares them: name and port, as a Host header says them."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

HTTPS = 443
INSIDE = "localhost"  # health checks, and whoever works on the server


def known(env: Mapping[str, str], *inner_ports: int) -> str:
    """Lines of a `map "$host $http_host"`: HETRI_URL, HETRI_ALLOWED_HOSTS and localhost, at the public port.

    `inner_ports` are further ones of localhost: where it listens inside of a container.
    """
    url = urlsplit(env.get("HETRI_URL") or "https://localhost")
    more = [name.strip() for name in env.get("HETRI_ALLOWED_HOSTS", "").split(",") if name.strip()]
    ports = {url.port or HTTPS, int(env.get("HETRI_HTTPS_PORT") or url.port or HTTPS)}
    names = dict.fromkeys([url.hostname or "localhost", *more, INSIDE])
    found = [_pattern(name, {*ports, *(inner_ports if name == INSIDE else ())}) for name in names]
    return "\n        ".join(f'"{pattern}" 1;' for pattern in found)


def _pattern(name: str, ports: Iterable[int]) -> str:
    """As Django's ALLOWED_HOSTS has it: a leading dot is for all below as well, a star for every name."""
    below = r"(?:[a-z0-9-]+\.)*" if name.startswith(".") else ""
    own = "[a-z0-9.-]+" if name == "*" else below + re.escape(name.lstrip(".")).replace(r"\-", "-")
    numbers = "|".join(str(port) for port in sorted(ports))
    return f"~*^({own}) \\1(?::(?:{numbers})){'?' if HTTPS in ports else ''}$"
