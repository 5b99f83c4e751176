#!/bin/sh
# nginx for pages, API and video, and beside it what makes it load its certificate again when that changes.
set -eu
files=/var/lib/hetri/nginx
rm -f /tmp/http.sock /tmp/https.sock # of one that was killed: nginx would not start where they lie
while :; do
    python3 /opt/hetri/reload_watcher.py --tell nginx "$files/nginx.pid" /var/lib/hetri/certificate/server.pem || sleep 1
done &
exec /opt/hetri/watched.sh "python3 /opt/hetri/speaks.py http 8080" \
    nginx -p "$files" -e stderr -c "$files/web.conf" -g "daemon off;"
