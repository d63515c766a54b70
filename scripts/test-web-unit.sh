#!/usr/bin/env bash
# The unit tests of the web client (vitest).
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install_npm_package web
run_npm_script web test --run --reporter=default --reporter=json --outputFile.json="${RESULT_FILE:-/dev/null}" "$@"
