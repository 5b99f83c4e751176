import subprocess
import sys
from pathlib import Path

import pytest

from ops.errors import Refusal
from ops.paths import ROOT
from tools.dev import bootstrap


def test_it_finds_what_is_not_installed() -> None:
    assert bootstrap.missing_packages(["dpkg", "no-such-package-anywhere"]) == ["no-such-package-anywhere"]


def test_everything_is_there_once_tests_run() -> None:
    assert bootstrap.missing_packages() == []


def test_services_stay_off_while_packages_are_installed(tmp_path: Path) -> None:
    policy, cluster = tmp_path / "policy-rc.d", tmp_path / "new" / "createcluster.conf"
    with bootstrap.services_stay_off([], policy, cluster):
        assert policy.read_text().endswith("exit 101\n")
        assert policy.stat().st_mode & 0o111
        assert cluster.read_text() == "create_main_cluster = false\n"
    assert not policy.exists()


def test_the_policy_goes_when_the_installation_is_interrupted(tmp_path: Path) -> None:
    policy, cluster = tmp_path / "policy-rc.d", tmp_path / "createcluster.conf"
    with pytest.raises(KeyboardInterrupt), bootstrap.services_stay_off([], policy, cluster):
        raise KeyboardInterrupt
    assert not policy.exists()


def test_one_that_was_left_by_a_killed_run_goes_too(tmp_path: Path) -> None:
    policy, cluster = tmp_path / "policy-rc.d", tmp_path / "createcluster.conf"
    policy.write_text(bootstrap.POLICY_TEXT)
    with bootstrap.services_stay_off([], policy, cluster):
        pass
    assert not policy.exists()


def test_the_machines_own_policy_and_cluster_settings_stay(tmp_path: Path) -> None:
    policy, cluster = tmp_path / "policy-rc.d", tmp_path / "createcluster.conf"
    policy.write_text("#!/bin/sh\nexit 0\n")
    cluster.write_text("create_main_cluster = true\n")
    with bootstrap.services_stay_off([], policy, cluster):
        pass
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert cluster.read_text() == "create_main_cluster = true\n"


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"^Only [0-9]+ MB of disk are free at [^\n]*$"):
        bootstrap.require_space(tmp_path, needed=10**18)


def test_the_command_line_starts_where_no_package_is_installed() -> None:
    bare = [sys.executable, "-S", "-m", "tools.dev", "--help"]
    done = subprocess.run(bare, cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert "demo" in done.stdout
