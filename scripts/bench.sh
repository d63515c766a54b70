#!/usr/bin/env bash
# The bench: an optimized build of its own, then bench/run.py, which starts and stops all it needs on loopback.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/install-dependencies.sh run
build_meson build-bench --buildtype=release -Dtests=false
exec bench/run.py --build build-bench "$@"
