import socket
import subprocess
import sys

import pytest

from ops import ports
from ops.errors import Refusal
from ops.paths import ROOT


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_taken_port_is_named_with_its_setting(family: socket.AddressFamily, address: str) -> None:
    if address not in ports.addresses():
        pytest.skip("This machine has no IPv6.")
    with socket.socket(family) as other:
        other.bind((address, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Refusal, match=f"^Port {port} is taken by another program.*HETRI_HTTPS_PORT in .env.$"):
            ports.require_free(port, "HETRI_HTTPS_PORT")


def test_it_reserves_a_port_once() -> None:
    taken = [ports.reserve() for _ in range(50)]
    assert len(set(taken)) == 50
    assert ports.reserve(taken[0]) not in taken


def test_it_gets_the_port_it_wishes_for() -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    assert ports.reserve(port) == port


def test_another_run_does_not_get_a_reserved_port() -> None:
    port = ports.reserve()
    ask = [sys.executable, "-c", f"from ops import ports; print(ports.reserve({port}))"]
    assert subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() != str(port)
