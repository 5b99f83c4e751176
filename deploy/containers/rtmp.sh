#!/bin/sh
# The media server. No stream outlives it: what lies there is of one that was killed.
set -eu
rm -rf /var/lib/hetri/hls/*
exec /opt/hetri/watched.sh "python3 /opt/hetri/speaks.py rtmp 1935" \
    nginx -p /var/lib/hetri/rtmp -e stderr -c /var/lib/hetri/rtmp/rtmp.conf -g "daemon off;"
