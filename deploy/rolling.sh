#!/bin/sh
# Starts the application's containers anew, one after the other, while it goes on answering: deploy/rolling.sh [SERVICE ...]
# With Docker from the images as they are now; podman cannot replace a container that others depend on, so there it is
# the same image again. What each step does: docs/operations.md.
set -eu
cd "$(dirname "$0")/.."
WITHIN_S=90
out=/var/lib/hetri/nginx/out # in nginx's container: who is named here gets no request

if docker info >/dev/null 2>&1; then
    compose="docker compose"
    replace() { $compose up -d --no-deps --force-recreate "$1"; }
else
    compose="podman-compose"
    replace() { $compose stop -t 30 "$1" && $compose start "$1"; }
fi

well() {
    case $1 in
        web*) $compose exec -T "$1" python -m ops.health "/var/lib/hetri/sockets/$1.sock" ;;
        *) $compose exec -T "$1" find "/tmp/heartbeat/$1" -newermt '-10 seconds' | grep -q . ;;
    esac
}

wait_well() {
    waited=0
    until well "$1" >/dev/null 2>&1; do
        waited=$((waited + 1))
        if [ "$waited" -gt "$WITHIN_S" ]; then
            echo "$1 is not back within $WITHIN_S s. See: $compose logs $1" >&2
            exit 1
        fi
        sleep 1
    done
    echo "$1 is back"
}

mark() { $compose exec -T nginx touch "$out/$1"; }
unmark() { $compose exec -T nginx sh -c "rm -f $out/*"; }

trap unmark EXIT
[ "$#" -gt 0 ] || set -- worker beat ingest relay web web2
for service in "$@"; do
    case $service in web*) mark "$service" ;; esac
    replace "$service" >/dev/null
    wait_well "$service"
    unmark
done
