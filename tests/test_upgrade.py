"""The database of an older version is migrated and keeps what it holds (docs/upgrade.md)."""

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from psycopg import sql

from conftest import database_url

DUMP = Path(__file__).parent / "upgrades" / "0.1.0.sql.gz"
SECRET_KEY = "hJRKqr51KKLCerSLoYy3dEQTBVDUjfBQt0_j7gEOzoJajFkDF998-hr1wBUsm9xl"
SESSION = "lhs4xpp79rvyajj96896y5ox82epnz5r"
# Rows that migrations write by themselves: the lists of what there is, and the lines about the groups' new rights.
MADE_BY_MIGRATING = {"django_migrations", "django_content_type", "auth_permission", "auth_group_permissions"}
SIGNED_IN = f"""
import django; django.setup()
from django.test import Client
browser = Client(headers={{"X-Forwarded-Proto": "https", "Host": "localhost"}})
browser.cookies["sessionid"] = "{SESSION}"
print(browser.get("/").status_code, b"Rex" in browser.get("/").content)
"""


@pytest.fixture(scope="module")
def url(django_db_setup: None) -> Iterator[str]:
    """A database of its own with the dump in it."""
    admin, name = database_url(), "upgraded_from_old"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    target = admin.replace(f"/{settings.DATABASES['default']['NAME']}", f"/{name}")
    text = gzip.decompress(DUMP.read_bytes()).decode()
    with psycopg.connect(target) as connection:
        connection.execute("\n".join(line for line in text.splitlines() if not line.startswith("\\")))
    yield target
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def run(url: str, *command: str) -> str:
    env = {
        **os.environ,
        "DATABASE_URL": url,
        "HETRI_SECRET_KEY": SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "hetri.settings",
    }
    done = subprocess.run(
        [sys.executable, *command], cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def counts(url: str) -> dict[str, int]:
    """Rows of each table; those of partitions count with their parent."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        found = {}
        for (table,) in tables:
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            assert row is not None
            found[table] = row[0]
        return found


@pytest.fixture(scope="module")
def before_and_after(url: str) -> tuple[dict[str, int], dict[str, int]]:
    before = counts(url)
    run(url, "manage.py", "migrate", "--no-input")
    return before, counts(url)


def test_every_row_is_there(before_and_after: tuple[dict[str, int], dict[str, int]]) -> None:
    before, after = before_and_after
    assert before["devices_treatevent"] > 50
    assert before["telemetry_sample"] >= 50
    kept = {table: count for table, count in before.items() if table not in MADE_BY_MIGRATING}
    assert {table: after.get(table) for table in kept} == kept


def test_nothing_is_left_to_migrate(url: str, before_and_after: object) -> None:
    run(url, "manage.py", "migrate", "--check")


def test_a_browser_stays_signed_in(url: str, before_and_after: object) -> None:
    assert run(url, "-c", SIGNED_IN).split() == ["200", "True"]


def test_rooms_that_moved_keep_their_content_types(url: str, before_and_after: object) -> None:
    with psycopg.connect(url) as connection:
        moved = connection.execute(
            "SELECT model, array_agg(app_label) FROM django_content_type"
            " WHERE model IN ('treatevent', 'batch', 'batchsheet') GROUP BY model ORDER BY model"
        ).fetchall()
    assert moved == [("batch", ["provisioning"]), ("batchsheet", ["provisioning"]), ("treatevent", ["treats"])]


def test_support_may_look_at_what_moved(url: str, before_and_after: object) -> None:
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT codename FROM auth_permission p JOIN auth_group_permissions r ON r.permission_id = p.id"
            " JOIN auth_group g ON g.id = r.group_id WHERE g.name = 'support'"
        ).fetchall()
    assert {("view_treatevent",), ("view_batch",), ("view_sentcommand",)} <= set(names)
