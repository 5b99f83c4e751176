"""10,000 collars with 10 million samples, their rollups and their treats, straight into the database."""

import time

from django.db import connection

from telemetry.partitions import ensure

COLLARS, SAMPLES_EACH = 10_000, 1000
SAMPLES = COLLARS * SAMPLES_EACH
BATCH = 50  # samples of each collar in one statement

# A key as core.ids makes it: 48 bits of time, version 7, and a hash.
KEY = """(lpad(to_hex({ms}), 12, '0') || '7' || substr({hash}, 1, 3) || '8' || substr({hash}, 4, 15))::uuid"""
_COLLARS = """
    INSERT INTO devices_device (id, name, status, firmware_version, mqtt_user, mqtt_pass_hash, password_shown, config,
                                config_version, reported, latest, last_seen, created_at, owned_since)
    SELECT id, 'Collar ' || n, CASE WHEN n %% 10 = 0 THEN 'offline' ELSE 'online' END, '1.0.' || n %% 3, id::text, 'x',
           false, '{"telemetry_interval_s": 60, "camera": "off", "time_zone": "UTC"}', 1, '{"config_version": 1}',
           jsonb_build_object('battery_level', n %% 100),
           now() - CASE WHEN n %% 10 = 0 THEN 2 ELSE 0 END * interval '1 h',
           now(), NULL
    FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, %s) AS n) AS made
"""
_SAMPLES = f"""
    INSERT INTO telemetry_sample (id, device_id, ts, received_at, boot, seq, accel_x, accel_y, accel_z, battery_level)
    SELECT {KEY.format(ms="ms", hash="hash")}, device, to_timestamp(ms / 1000.0), to_timestamp(ms / 1000.0 + 1),
           '00000001', n, 0.01, -0.98, 0.12, 80
    FROM (SELECT d.id AS device, n, (%s - n * 80000 - abs(hashtext(d.id::text)) %% 80000)::bigint AS ms,
                 md5(d.id::text || n) AS hash
          FROM generate_series(%s, %s) AS n, devices_device AS d WHERE d.mqtt_pass_hash = 'x') AS made
"""
_ROLLUPS = """
    INSERT INTO telemetry_rollup (id, device_id, width, start, count, accel_x_sum, accel_y_sum, accel_z_sum,
        accel_x_min, accel_x_max, accel_y_min, accel_y_max, accel_z_min, accel_z_max, battery_level_min,
        battery_level_max, active_s, steps)
    SELECT gen_random_uuid(), d.id, %(width)s, bucket, %(width)s / 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 80, 80, 60, 0
    FROM generate_series(date_trunc('hour', now()) - interval '23 h', now(), %(width)s * interval '1 s') AS bucket,
         devices_device AS d WHERE d.mqtt_pass_hash = 'x'
"""
_TREATS = f"""
    INSERT INTO devices_treatevent (id, device_id, event_time, result, source, portion, expires_at)
    SELECT {KEY.format(ms="ms", hash="md5(id::text || n)")}, id, to_timestamp(ms / 1000.0),
           CASE WHEN n = 1 THEN 'jammed' ELSE 'dispensed' END, 'owner', 1, now()
    FROM (SELECT d.id, n, (%s - n * 7000000)::bigint AS ms
          FROM generate_series(1, 10) AS n, devices_device AS d WHERE d.mqtt_pass_hash = 'x') AS made
"""


def fill() -> None:
    """Fill it, with the statistics that the planner goes by; minutes."""
    at = int(time.time() * 1000)
    ensure(range(at - 24 * 3_600_000, at, 3_600_000))
    with connection.cursor() as cursor:
        cursor.execute(_COLLARS, [COLLARS])
        for last in range(SAMPLES_EACH, 0, -BATCH):
            cursor.execute(_SAMPLES, [at, last - BATCH + 1, last])
        for width in (300, 3600):
            cursor.execute(_ROLLUPS, {"width": width})
        cursor.execute(_TREATS, [at])
        for table in ("devices_device", "telemetry_sample", "telemetry_rollup", "devices_treatevent"):
            cursor.execute(f"ANALYZE {table}")
