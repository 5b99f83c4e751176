#!/bin/sh
# Tries the containers as a server would run them: builds all images from nothing, starts the stack on free ports of the
# loopback, uses it, ends and starts it, restarts and restores it, and removes it. What it found: docs/soak.md#containers
set -eu
exec "$(dirname "$0")/../dev" soak containers
