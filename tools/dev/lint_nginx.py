"""Has gixy look at the nginx configurations as the containers get them."""

import subprocess
import sys
import tempfile
from pathlib import Path

from ops.containers import nginx_files

# hsts_header: the application says HSTS. host_spoofing: it checks the host against its own list, and needs the port.
SKIPPED = "hsts_header,host_spoofing"


def main() -> int:
    """gixy's exit code for the first configuration that it finds fault with, or 0."""
    with tempfile.TemporaryDirectory() as folder:
        found = nginx_files(
            Path(folder), {"HETRI_VIDEO_KEY": "key", "HETRI_HOOK_SECRET": "secret", "HETRI_LOG_FORMAT": "json"}
        )
        codes = [subprocess.run(["gixy", "--skips", SKIPPED, str(path)], check=False).returncode for path in found]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
