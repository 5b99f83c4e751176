#!/bin/sh
# The broker, and beside it what makes it load passwords and certificates again when they change.
set -eu
files=/var/lib/hetri/mosquitto
while :; do
    python3 /opt/hetri/reload_watcher.py --tell mosquitto "$files/mosquitto.pid" "$files/collars.passwd" \
        /var/lib/hetri/certificate/server.pem || sleep 1
done &
# Each connection is one descriptor and 15 to 18 KB: 10,000 collars, and some for ourselves.
# shellcheck disable=SC3045  # dash has it
ulimit -n 10240
exec /opt/hetri/watched.sh "python3 /opt/hetri/speaks.py mqtt 1883" \
    mosquitto -c "$files/mosquitto.conf"
