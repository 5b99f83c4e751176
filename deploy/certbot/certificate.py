#!/usr/bin/env python3
"""Keeps the served certificate young by Certbot, and puts each new one in place in one step.

    certificate.py --acme FOLDER --into FILE [--once] [-- CERTBOT OPTIONS]

FOLDER holds cli.ini (deploy/certbot/cli.ini, rendered) and what Certbot keeps; without a cli.ini nothing is asked.
FILE holds the certificate, its chain and its key together: no reader ever meets half a pair. Who reads it is not told
here, since it may run in another container: deploy/reload_watcher.py looks for the change beside each of them.
"""

import argparse
import json
import os
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

LOOK_S = 5.0
ASK_EVERY_S = 12 * 3600.0  # as Certbot's own timer; it renews 30 days before the end
AGAIN_S = 15 * 60.0  # after a failure: an authority allows five an hour
PATIENCE_S = 600.0  # with an authority that does not answer
WORDS = 2000  # of Certbot's, in the log


def say(event: str, level: str = "INFO", **facts: str) -> None:
    """One line of JSON, as Hetri's other processes write it."""
    told = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "logger": "certbot"}
    print(json.dumps({**told, "event": event, **facts}), flush=True)


def renew(acme: Path, options: list[str]) -> bool:
    """Have Certbot get a certificate where it is missing, nears its end or has other names. Whether all is well."""
    command = ["certbot", "--config", str(acme / "cli.ini"), "certonly", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired as hung:
        say("certificate_refused", level="ERROR", words=str(hung))
        return False
    if done.returncode:
        say("certificate_refused", level="ERROR", words=(done.stdout + done.stderr)[-WORDS:])
    return done.returncode == 0


def place(acme: Path, target: Path) -> bool:
    """Put Certbot's certificate and key at `target`, unless they are there. Whether something was put.

    Raises OSError (ssl.SSLError too) when there is none, or the two do not belong together.
    """
    live = acme / "config" / "live" / "hetri"
    both = (live / "fullchain.pem").read_bytes() + (live / "privkey.pem").read_bytes()
    if target.exists() and target.read_bytes() == both:
        return False
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(both)
        file.flush()
        os.fsync(file.fileno())
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(fresh)
    fresh.replace(target)
    say("certificate_placed", file=str(target))
    return True


def look(acme: Path, target: Path, options: list[str]) -> bool:
    """Renew where it is time, and place what there is, also after a refusal. Whether all is well."""
    well = renew(acme, options)
    try:
        place(acme, target)
    except OSError as error:
        say("certificate_not_placed", level="ERROR", words=str(error))
        return False
    return well


def keep(acme: Path, target: Path) -> None:
    """Look twice a day, soon after a failure, and at once when cli.ini changed. Until ended."""
    due, known = 0.0, ""
    while True:
        told = (acme / "cli.ini").read_text() if (acme / "cli.ini").exists() else ""
        if told and (told != known or time.monotonic() >= due):
            due = time.monotonic() + (ASK_EVERY_S if look(acme, target, []) else AGAIN_S)
        known = told
        time.sleep(LOOK_S)


def main() -> int:
    """Read the command line; 1 when --once failed."""
    parser = argparse.ArgumentParser(description="Keep the served certificate young by Certbot.")
    parser.add_argument("--acme", type=Path, required=True, help="the folder of cli.ini")
    parser.add_argument("--into", type=Path, required=True, help="the file that the servers read")
    parser.add_argument("--once", action="store_true", help="look once, and say whether all is well")
    parser.add_argument("options", nargs="*", metavar="-- OPTION", help="for Certbot, with --once")
    options = parser.parse_args()
    if options.once:
        return 0 if look(options.acme, options.into, options.options) else 1
    keep(options.acme, options.into)
    return 0


if __name__ == "__main__":
    sys.exit(main())
