"""Looks at what is open as a stranger would: which TLS the ports speak, and which ports there are."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from ops.errors import Refusal
from tools.soak import tools
from tools.testing import Json

WEAK_PROTOCOLS = ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1")
GOOD_PROTOCOLS = ("tls_1_2", "tls_1_3")
# Forward secrecy, and encryption that authenticates.
GOOD_SUITE = re.compile(r"TLS_(ECDHE_(ECDSA|RSA)_WITH_)?(AES_(128|256)_GCM|CHACHA20_POLY1305)_SHA\d+\Z")


def tls(ports: Mapping[str, int]) -> dict[str, object]:
    """The suites that each port of localhost takes, by sslyze. Raises Refusal when one is weak."""
    options = ["--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3"]
    options += ["--heartbleed", "--openssl_ccs", "--robot", "--compression", "--reneg"]
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "scan.json"
        targets = [f"localhost:{port}" for port in ports.values()]
        tools.ask([tools.python_tool("sslyze"), *options, f"--json_out={told}", *targets])
        results = json.loads(told.read_text())["server_scan_results"]
    by_port = {one["server_location"]["port"]: one["scan_result"] for one in results}
    return {name: _judged(name, by_port[port]) for name, port in ports.items()}


def _judged(name: str, found: Json) -> list[str]:
    """The suites of one port. Raises Refusal with what is wrong about it."""
    if found is None:
        raise Refusal(f"{name} could not be scanned.")
    spoken = {version: _suites(found, version) for version in (*WEAK_PROTOCOLS, *GOOD_PROTOCOLS)}
    weak = [version for version in WEAK_PROTOCOLS if spoken[version]]
    weak += [suite for version in GOOD_PROTOCOLS for suite in spoken[version] if not GOOD_SUITE.match(suite)]
    weak += _holes(found)
    missing = [version for version in GOOD_PROTOCOLS if not spoken[version]]
    if weak or missing:
        raise Refusal(f"{name}: weak {weak}, not spoken {missing}.")
    return [suite for version in GOOD_PROTOCOLS for suite in spoken[version]]


def _suites(found: Json, version: str) -> list[str]:
    accepted = _result(found, f"{version}_cipher_suites")["accepted_cipher_suites"]
    return [one["cipher_suite"]["name"] for one in accepted]


def _holes(found: Json) -> list[str]:
    told = {
        "heartbleed": _result(found, "heartbleed")["is_vulnerable_to_heartbleed"],
        "ccs injection": _result(found, "openssl_ccs_injection")["is_vulnerable_to_ccs_injection"],
        "compression": _result(found, "tls_compression")["supports_compression"],
        "renegotiation": _result(found, "session_renegotiation")["is_vulnerable_to_client_renegotiation_dos"],
        "robot": not str(_result(found, "robot")["robot_result"]).startswith("NOT_VULNERABLE"),
    }
    return [hole for hole, there in told.items() if there]


def _result(found: Json, name: str) -> Json:
    one = found[name]
    if one["status"] != "COMPLETED":
        raise Refusal(f"sslyze could not tell {name}: {one.get('error_reason')}.")
    result: Json = one["result"]
    return result


def open_ports(holders: Iterable[str]) -> list[int]:
    """The loopback's open ports, by nmap, without those that a program other than `holders` listens on.

    The machine may be others', too; what an engine redirects into a container has no listener, or the engine's own.
    """
    told = tools.ask(["nmap", "-n", "-Pn", "-sT", "-T4", "-p-", "--open", "-oG", "-", "127.0.0.1"])
    found = {int(port) for port in re.findall(r"(\d+)/open/tcp", told)}
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout.splitlines()
    others = [line for line in listening if not any(f'"{holder}"' in line for holder in holders)]
    return sorted(found - {int(line.split()[3].rsplit(":", 1)[1]) for line in others})
