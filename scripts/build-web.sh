#!/usr/bin/env bash
# Builds the web client into web/dist, if any of its sources (or the tables that its types come from) changed.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install_npm_package web

stamp=web/node_modules/.built-sources
sources="$(find web server/protocol -type d \( -name node_modules -o -name dist \) -prune -o -type f -print0 |
    sort -z | xargs -0 sha256sum | sha256sum)"
if [ ! -e web/dist/index.html ] || [ "$sources" != "$(cat "$stamp" 2>/dev/null)" ]; then
    say "building the web client"
    run_npm_script web build
    printf '%s\n' "$sources" >"$stamp"
fi
