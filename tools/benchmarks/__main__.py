"""Runs the benchmarks named on the command line, or all."""

import os
import sys

import django


def main(names: list[str]) -> int:
    """Run them in order; the exit code is 0 once all have run."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "hetri.settings"
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # the browser's loop runs in this thread
    django.setup()
    from tools.benchmarks import admin, bus, history, ingest, pages, push, treat, upgrade, video

    known = {
        "ingest": ingest.run,
        "treat": treat.run,
        "history": history.run,
        "push": push.run,
        "bus": bus.run,
        "pages": pages.run,
        "admin": admin.run,
        "upgrade": upgrade.run,
        "video": video.run,
    }
    unknown = [name for name in names if name not in (*known, "ingest_cpu")]
    if unknown:
        print(f"No such benchmark: {', '.join(unknown)}. There are: {', '.join(known)}", file=sys.stderr)
        return 2
    for name, run in known.items():
        if not names or name in names or (name == "ingest" and "ingest_cpu" in names):
            run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
