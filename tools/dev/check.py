"""./dev check: one line a step, the words of a step only when it fails."""

import os
import subprocess
import time

from ops.paths import ROOT, VENV

# As in production, with nothing to connect to: what is checked needs no service.
PRODUCTION = {
    "HETRI_SECRET_KEY": "k9-" + "check-only-not-a-secret-" * 3,
    "HETRI_CLAIM_KEY": "c7-" + "check-only-not-a-secret-" * 3,
    "HETRI_MQTT_PASSWORD": "m3-" + "check-only-not-a-secret-" * 2,
    "HETRI_HOOK_SECRET": "h5-" + "check-only-not-a-secret-" * 2,
    "HETRI_VIDEO_KEY": "v8-" + "check-only-not-a-secret-" * 2,
    "HETRI_URL": "https://hetri.example",
    "DATABASE_URL": "postgres://hetri:d4-check-only@127.0.0.1:9/none",
    "REDIS_URL": "redis://:r6-check-only@127.0.0.1:9/0",
}


def _files(*patterns: str) -> list[str]:
    return [str(path.relative_to(ROOT)) for pattern in patterns for path in sorted(ROOT.glob(pattern))]


STEPS = (
    ("format", ["ruff", "format", "--check", "."]),
    ("lint", ["ruff", "check", "."]),
    ("types", ["mypy"]),
    ("imports", ["lint-imports"]),
    ("migrations", ["python", "manage.py", "makemigrations", "--check", "--dry-run"]),
    ("deploy", ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"]),
    ("openapi", ["python", "-m", "tools.dev.lint_openapi"]),
    ("messages", ["python", "-m", "tools.dev.messages"]),
    ("containers", ["hadolint", *_files("deploy/containers/*.Dockerfile", "nginx/Dockerfile")]),
    ("shell", ["shellcheck", *_files("dev", ".ci/run", "deploy/**/*.sh")]),
    ("nginx", ["python", "-m", "tools.dev.lint_nginx"]),
    ("templates", ["djlint", "pages", "provisioning", "staff", "--check", "--lint", "--quiet"]),
)


def run_all() -> int:
    """Run every step; the exit code is 1 when any failed."""
    env = {**os.environ, **PRODUCTION, "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}"}
    env["PYTHONPATH"] = str(ROOT)
    failed = 0
    for name, command in STEPS:
        began = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        print(
            f"{name:<11} {'ok' if done.returncode == 0 else 'FAILED'} {time.monotonic() - began:.1f} s",
            flush=True,
        )
        for line in done.stdout.splitlines():
            if line.startswith("note:"):
                print(f"            {line}", flush=True)
        if done.returncode:
            failed = 1
            print(done.stdout[-8000:] + done.stderr[-4000:], flush=True)
    return failed
