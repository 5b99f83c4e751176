#!/bin/sh
# Compiles the broker's plugin: build_plugin.sh TARGET [OPTION ...]. Needs gcc, libc6-dev, mosquitto-dev, libmosquitto-dev, uthash-dev.
set -eu
target=$1
shift
exec gcc -std=c11 -O2 -fPIC -shared -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror \
    -D_FORTIFY_SOURCE=2 -fstack-protector-strong -Wl,-z,relro,-z,now \
    "$@" -o "$target" "$(dirname "$0")/collar_rights.c"
