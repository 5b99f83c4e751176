#!/bin/sh
# watched.sh CHECK PROGRAM [ARGUMENT ...]: becomes the program, and leaves somebody behind who looks at it.
# Docker starts again what ended, not what hangs. So CHECK is asked every 10 s, and the program killed when it failed three
# times in a row, or the kernel says as often that the program is stopped. CHECK must not depend on any other service:
# nobody is killed because somebody else is away. It counts from when it was well once, or after ten minutes.
set -eu
check=$1
shift
program=$$ # also in a subshell; exec keeps it
every=${HETRI_WATCH_EVERY_S:-10}
looks=${HETRI_WATCH_LOOKS:-3}
grace=${HETRI_WATCH_GRACE_S:-600}
patience=${HETRI_WATCH_PATIENCE_S:-5}

is_stopped() { grep -q '^State:.T (stopped)' "/proc/$program/status"; }
moves() { timeout -k 1 "$patience" sh -c "$check" >/dev/null 2>&1; }

watch() {
    well=no silent=0 age=0 before=$(date +%s)
    while sleep "$every" && kill -0 "$program" 2>/dev/null; do
        age=$((age + every)) now=$(date +%s)
        # A look that came late says nothing: the machine stood still, or its clock was set.
        if [ $((now - before)) -gt $((every * 2 + 10)) ]; then silent=0; fi
        before=$now
        if is_stopped; then
            silent=$((silent + 1))
        elif moves; then
            well=yes silent=0
        elif [ "$well" = yes ] || [ "$age" -gt "$grace" ]; then
            silent=$((silent + 1))
        fi
        if [ "$silent" -ge "$looks" ]; then
            echo "{\"time\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",\"level\":\"error\",\"event\":\"hangs\",\"pid\":$program}" >&2
            kill -KILL "$program"
        fi
    done
}

# Twice forked: whom the program does not know is no child of it.
(watch &)
exec "$@"
