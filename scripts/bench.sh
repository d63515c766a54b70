#!/usr/bin/env bash
# The bench: an optimized build of its own, then bench/run.py, which starts and stops all it needs on loopback.
#   bench.sh [WORD ...]         Parley beside the raw epoll program and bare SQLite
#   bench.sh peers [WORD ...]   beside Node's ws, socket.io and Flask-SocketIO too; writes bench/RESULTS.md
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

words=()
if [ "${1:-}" = peers ]; then
    shift
    scripts/install-dependencies.sh run peers
    install_npm_package bench/peers
    words=("--peers=ws,socket.io,flask-socketio" --results bench/RESULTS.md --command "make bench-peers${*:+ ARGS=\"$*\"}")
fi
scripts/install-dependencies.sh run
# As a release is built.
build_meson build-bench --buildtype=release -Db_lto=true -Dtests=false
exec bench/run.py --build build-bench "${words[@]}" "$@"
