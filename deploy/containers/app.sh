#!/bin/sh
# Starts one of Hetri's processes with the settings that the service `prepare` wrote.
set -eu
mkdir -p /tmp/heartbeat
if [ -f "$HETRI_VAR/settings/app.env" ]; then
    set -a
    . "$HETRI_VAR/settings/app.env"
    set +a
fi
# Who comes before the service `migrate` is done waits for it.
if [ "${HETRI_WAIT:-1}" = 1 ]; then
    until python manage.py migrate --check >/tmp/waiting.log 2>&1; do
        echo "waiting for the database to be migrated" >&2
        sleep 2
    done
fi
exec "$@"
