#!/bin/sh
# Queues and live news only: what must last is in PostgreSQL, and the sweeps find it again there.
set -eu
exec /opt/hetri/watched.sh "redis-cli ping" redis-server - <<END
port 6379
bind * -::*
save ""
appendonly no
dir /tmp
requirepass $(cat /var/lib/hetri/queue/password)
END
