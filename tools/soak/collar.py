"""One simulated collar with a broker of its own, for the soaks that need no more."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware.tests.broker import Broker, Server, make_authority
from firmware.tests.collar import Collar


@dataclass
class Bench:
    """What lies on it: a folder, the CA in it, the collar, and the server's side of it."""

    folder: Path
    authority: Path
    collar: Collar
    server: Server


@contextlib.contextmanager
def one_collar(**options: Any) -> Iterator[Bench]:
    """A collar that is not started yet (`options` is its sim.json) at a broker that runs; all gone at the end."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as opened:
        folder = Path(name)
        authority = make_authority(folder / "authority")
        broker = Broker(folder / "broker", authority)
        opened.callback(broker.kill)
        collar = Collar(folder / "collars", broker, authority, **options)
        opened.callback(collar.kill)
        broker.start()
        yield Bench(folder, authority, collar, opened.enter_context(contextlib.closing(Server(broker, collar.id))))
