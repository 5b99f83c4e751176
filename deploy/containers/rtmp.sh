#!/bin/sh
# The media server, and the gate before it. No stream outlives them: what lies there is of one that was killed.
set -eu
files=/var/lib/hetri/rtmp
rm -rf /var/lib/hetri/hls/* "$files/hook.sock"
while :; do
    PYTHONPATH=/opt/hetri python3 -m gate "$files" 1935 || sleep 1
done &
exec /opt/hetri/watched.sh "python3 /opt/hetri/gate/healthy.py $files/gate.sock 1935" \
    nginx -p "$files" -e stderr -c "$files/rtmp.conf" -g "daemon off;"
