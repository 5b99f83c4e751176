"""admin: the slowest of the staff's pages with 10,000 collars and 10 million samples; the reference is 300 ms."""

import time
from statistics import median

from django.db import connection
from django.test import Client, override_settings

from accounts.models import User
from core.ids import uuid7
from devices.models import Device
from staff.fleet_stats import count_hours
from tools.benchmarks.fleet import KEY, SAMPLES, fill
from tools.benchmarks.report import report

TIMES = 5
LIMIT_MS = 300.0

_STREAMS = f"""
    INSERT INTO streaming_streamsession (id, device_id, state, reason, requested_at, ended_at, dark_since, watched_at,
                                         leased_at, run, run_at, run_over, key_hash, key_expires_at)
    SELECT {KEY.format(ms="ms", hash="md5(id::text || n)")}, id, CASE WHEN n = 1 THEN 'live' ELSE 'ended' END,
           CASE WHEN n = 1 THEN '' WHEN n = 2 THEN 'no_picture' ELSE 'unwatched' END, now(),
           CASE WHEN n = 1 THEN NULL ELSE now() END, now(), now(), now(), gen_random_uuid(), now(), false, '', now()
    FROM (SELECT d.id, n, (%s - n * 7000000)::bigint AS ms
          FROM generate_series(1, 10) AS n, devices_device AS d WHERE d.mqtt_pass_hash = 'x') AS made
"""
_VIEWINGS = """
    INSERT INTO streaming_viewing (id, stream_id, source, asked_at, first_seen, last_seen, ended_at)
    SELECT id, id, CASE WHEN id::text LIKE '%%0' THEN 'api' ELSE 'page' END, now(), now(), now(), now()
    FROM streaming_streamsession WHERE key_hash = ''
"""
_RELEASE = """
    INSERT INTO firmware_release (id, version, board, notes, state, manifest, signature, program, size, percent,
                                  fail_percent, paused, created_at)
    VALUES (gen_random_uuid(), '9.9.9', 'bench', '', 'published', '', '', repeat('x', 200000)::bytea, 200000, 100, 20,
            false, now())
    RETURNING id
"""
_JOBS = f"""
    INSERT INTO firmware_updatejob (id, release_id, device_id, state, reason, created_at, ended_at)
    SELECT {KEY.format(ms="%s::bigint", hash="md5(id::text)")}, %s, id,
           CASE n %% 20 WHEN 0 THEN 'failed' WHEN 1 THEN 'downloading' ELSE 'confirmed' END, '', now(),
           CASE n %% 20 WHEN 1 THEN NULL ELSE now() END
    FROM (SELECT id, row_number() OVER () AS n FROM devices_device WHERE mqtt_pass_hash = 'x') AS made
"""
_REFUSED = f"""
    INSERT INTO telemetry_rejectedmessage (id, device_id, topic, reason, payload, received_at)
    SELECT {KEY.format(ms="ms", hash="md5(id::text || n)")}, id, 't', 'too_old', repeat('x', 500), now()
    FROM (SELECT d.id, n, (%s - n * 7000000)::bigint AS ms
          FROM generate_series(1, 20) AS n, devices_device AS d WHERE d.mqtt_pass_hash = 'x') AS made
"""
_PEOPLE = f"""
    INSERT INTO accounts_user (id, email, name, role, is_active, created_at, password, is_superuser)
    SELECT {KEY.format(ms="%s::bigint", hash="md5(n::text)")}, 'bench-' || n || '@example.com', 'Bench', 'owner', true,
           now(), '!', false
    FROM generate_series(1, 100000) AS n
"""
_PETS = f"""
    INSERT INTO pets_pet (id, owner_id, name, species, time_zone, picture_digest, created_at)
    SELECT {KEY.format(ms="%s::bigint", hash="md5('pet' || id::text)")}, id, 'Pet ' || substr(email, 7, 5), 'dog',
           'UTC', '', now()
    FROM accounts_user WHERE name = 'Bench'
"""
_SIGN_INS = f"""
    INSERT INTO accounts_usersession (id, user_id, kind, refresh_jti, created_at, expires_at, user_agent)
    SELECT {KEY.format(ms="%s::bigint", hash="md5('in' || id::text)")}, id, 'browser', '', now(), now(), ''
    FROM accounts_user WHERE name = 'Bench'
"""


def _fill() -> None:
    """The fleet, and what the other lists of the desk show."""
    fill()
    at = int(time.time() * 1000)
    with connection.cursor() as cursor:
        cursor.execute(_STREAMS, [at])
        cursor.execute(_VIEWINGS)
        cursor.execute(_RELEASE)
        cursor.execute(_JOBS, [at, cursor.fetchone()[0]])
        for rows in (_REFUSED, _PEOPLE, _PETS, _SIGN_INS):
            cursor.execute(rows, [at])
        cursor.execute("ANALYZE")
    count_hours()


def _pages() -> dict[str, str]:
    """The front page, one collar, and each list: its first page, filtered, searched for a collar or a person."""
    device = Device.objects.filter(mqtt_pass_hash="x").order_by("-pk").first()
    assert device is not None
    owner = User.objects.filter(name="Bench").order_by("-pk").values_list("pk", flat=True)[0]
    of_device, of_owner = f"q={device.pk}", f"q={owner}"
    lists: dict[str, tuple[str, ...]] = {
        "devices/device": ("silent=1h", "presence=online", "config=waiting", "battery=low", "q=Collar+77", "q=nothing"),
        "treats/treatevent": ("result__exact=jammed&since=24h", "source__exact=staff", of_device, "q=Collar+7"),
        "devices/assignment": (of_device,),
        "devices/batch": (),
        "telemetry/sample": ("since=1m", of_device),
        "telemetry/rollup": ("width=3600", of_device),
        "telemetry/rejectedmessage": ("since=24h", of_device),
        "streaming/streamsession": ("state__exact=live", "reason__exact=no_picture", of_device),
        "streaming/viewing": ("source__exact=api", of_device),
        "streaming/supportgrant": (of_device,),
        "firmware/release": ("state__exact=published", "q=9.9"),
        "firmware/updatejob": ("progress=failed", "progress=running", "state__exact=confirmed", of_device),
        "accounts/user": ("role__exact=admin", "is_active__exact=0", of_owner, "q=bench-77@example.com"),
        "accounts/usersession": ("kind__exact=api", of_owner),
        "accounts/signinfailure": ("since=24h", of_owner),
        "pets/pet": ("species__exact=cat", "q=Pet+777", "q=nothing"),
        "staff/auditline": ("door=admin", "action=view", "subject=device", of_device),
    }
    pages = {
        f"{path}?{query}": f"/admin/{path}/?{query}" for path, queries in lists.items() for query in ("", *queries)
    }
    return {"dashboard": "/admin/", "one collar": f"/admin/devices/device/{device.pk}/change/", **pages}


def _measure(client: Client, url: str) -> tuple[float, float]:
    """Median milliseconds of the whole view, and of our own CPU in it, the first call left out."""
    walls, cpus = [], []
    for _ in range(TIMES + 1):
        began, cpu = time.perf_counter(), time.process_time()
        answer = client.get(url)
        walls.append((time.perf_counter() - began) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
        assert answer.status_code == 200, (url, answer.status_code)
    return median(walls[1:]), median(cpus[1:])


def run() -> None:
    """Fill the database, and read each page."""
    began = time.monotonic()
    _fill()
    filled = time.monotonic() - began
    with override_settings(ALLOWED_HOSTS=["*"]):
        client = Client()
        client.force_login(User.objects.create_superuser(f"{uuid7().hex}@example.com", None, name="Bench"))
        took = {name: _measure(client, url) for name, url in _pages().items()}
    slowest = max(took, key=lambda name: took[name])
    for name, (ms, cpu) in took.items():
        print(f"  {name}: {ms:.0f} ms, {cpu:.0f} of them our CPU")
    report(
        "admin",
        took[slowest][0] / LIMIT_MS,
        (took[slowest][0], "ms"),
        (LIMIT_MS, "ms"),
        slowest=slowest,
        pages={name: round(ms, 1) for name, (ms, _) in took.items()},
        samples=SAMPLES,
        filled_s=round(filled),
    )
