#!/bin/sh
# Starts one of Hetri's processes with the settings that the service `prepare` wrote, unless they are weak.
set -eu
mkdir -p /tmp/heartbeat
if [ -f "$HETRI_VAR/settings/app.env" ]; then
    set -a
    # shellcheck source=/dev/null
    . "$HETRI_VAR/settings/app.env"
    set +a
fi
# Who comes before the service `migrate` is done waits for it.
case "${HETRI_WAIT:-1}" in
    1) python manage.py await_start ;;
    settings) python manage.py await_start --settings-only ;;
esac
# How one sees that it still moves, where compose says it.
if [ -n "${HETRI_ALIVE:-}" ]; then
    exec /opt/hetri/deploy/containers/watched.sh "$HETRI_ALIVE" "$@"
fi
exec "$@"
