import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.commands import ServiceCommand
from firmware import packing
from firmware.release_keys import modulus, release_keys
from firmware.services import releases
from firmware.simulation import COLLAR


class Command(ServiceCommand):
    help = "Sign the collar's program as a new release, a draft. The key is a file, and stays one."
    example = "manage.py build_release 1.1.0 --key ~/keys/release.pem --notes 'Better step counting'"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("version", nargs="?", help="three numbers, such as 1.1.0")
        parser.add_argument("--key", metavar="PATH", type=Path, help="the signing key (or HETRI_RELEASE_KEY)")
        parser.add_argument("--new-key", metavar="PATH", type=Path, help="make a signing key there, and nothing else")
        parser.add_argument("--board", default=packing.BOARD, help=f"for which board (default: {packing.BOARD})")
        parser.add_argument(
            "--source", type=Path, default=COLLAR, help="the program's folder (default: this checkout's)"
        )
        parser.add_argument("--roots", metavar="PEM", type=Path, help="CAs that collars trust from then on, too")
        parser.add_argument("--notes", default="", help="what is new in it")
        parser.add_argument("--allow-older", action="store_true", help="collars with a newer version take it too")

    def act(self, **options: Any) -> dict[str, object]:
        if options["new_key"]:
            return _new_key(options["new_key"])
        version = str(options["version"] or "")
        if len(version.split(".")) != 3 or not all(part.isdecimal() and len(part) < 6 for part in version.split(".")):
            raise CommandError("Say the version as three numbers, such as 1.1.0.")
        given = options["key"] or os.environ.get("HETRI_RELEASE_KEY")
        if not given:
            raise CommandError("Say --key, the signing key's file; --new-key makes one.")
        try:
            key = packing.read_key(Path(given))
        except packing.BadKey as bad:
            raise CommandError(f"{bad}.") from bad
        about = {name: options[name] for name in ("board", "allow_older", "source")}
        if modulus(key.public_key()) not in release_keys():
            raise CommandError("Collars do not know this key: its public half is not in HETRI_RELEASE_PUBLIC_KEYS.")
        packed = packing.pack(version=version, key=key, roots=_roots(options["roots"]), **about)
        release = releases.add(packed=packed, notes=options["notes"])
        return {"id": str(release.pk), "version": version, "board": release.board, "size": release.size}


def _roots(path: Path | None) -> bytes:
    """The file, once it is seen to hold certificates."""
    if path is None:
        return b""
    try:
        packing.joined(roots := path.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} holds no certificates in PEM: {error}") from error
    return roots


def _new_key(path: Path) -> dict[str, object]:
    try:
        key = packing.new_key(path)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.") from error
    public = path.with_suffix(".pub")
    return {"key": str(path), "public": str(public), "modulus": modulus(key.public_key())}
