"""Which identities the broker is to let in: collars in use, and what is on trial in place of a collar's own line."""

from django.db import connection

from devices.const import TRIAL_S

_LINES = """
    WITH trial AS (
        SELECT ref, verifier FROM devices_brokertrial WHERE begun_at > now() - make_interval(secs => %s)
    ), line AS (
        SELECT mqtt_user AS ref, mqtt_pass_hash AS verifier FROM devices_device
        WHERE retired_at IS NULL AND mqtt_user NOT IN (SELECT ref FROM trial)
          AND (suspended_until IS NULL OR suspended_until <= now())
        UNION ALL SELECT ref, verifier FROM trial WHERE verifier <> ''
    )
    SELECT coalesce(string_agg(ref || ':' || verifier || E'\\n', '' ORDER BY ref COLLATE "C"), '') FROM line
"""


def list_lines() -> str:
    """A line `ref:verifier` for each, ordered by ref."""
    with connection.cursor() as cursor:
        cursor.execute(_LINES, [TRIAL_S])
        return str(cursor.fetchone()[0])
