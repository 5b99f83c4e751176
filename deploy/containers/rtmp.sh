#!/bin/sh
# The media server. No stream outlives it: what lies there is of one that was killed.
set -eu
rm -rf /var/lib/hetri/hls/*
exec nginx -p /var/lib/hetri/rtmp -e stderr -c /var/lib/hetri/rtmp/rtmp.conf -g "daemon off;"
