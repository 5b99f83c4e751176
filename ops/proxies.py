"""Servers in front of ours that say in X-Forwarded-For for whom they ask: HETRI_TRUSTED_PROXIES."""

import ipaddress
from collections.abc import Mapping

from ops.errors import Refusal


def trusted(env: Mapping[str, str]) -> str:
    """Lines of nginx' `geo` for them: addresses and networks. Raises Refusal."""
    said = [one.strip() for one in env.get("HETRI_TRUSTED_PROXIES", "").split(",") if one.strip()]
    try:
        networks = [ipaddress.ip_network(one) for one in said]
    except ValueError as error:
        raise Refusal(f"HETRI_TRUSTED_PROXIES: {error}. Write 172.18.0.0/16,192.168.1.5, for example.") from error
    return " ".join(f"{network} 1;" for network in networks)
