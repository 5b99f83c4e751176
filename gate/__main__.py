"""`python3 -m gate FOLDER PORT`: takes publishers at FOLDER/gate.sock, asks at hook.sock, hands on to PORT."""

import asyncio
import signal
import sys
from pathlib import Path

from gate import limits
from gate.hook import Hook
from gate.session import Doors, Session, say


class Gate:
    """All publishers that are there now."""

    def __init__(self, doors: Doors) -> None:
        self._doors, self._there = doors, 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        if self._there >= limits.CONNECTIONS:
            writer.transport.abort()
            return
        self._there += 1
        try:
            await Session(reader, writer, self._doors).run()
        finally:
            self._there -= 1


async def serve(folder: Path, port: int) -> None:
    """Until SIGTERM; who publishes then is cut."""
    gate = Gate(Doors(Hook(str(folder / "hook.sock")), port))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await asyncio.start_unix_server(gate.take, folder / "gate.sock", limit=1 << 14, backlog=128)
    say("gate_open", folder=folder)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
