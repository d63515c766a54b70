#!/usr/bin/env bash
# The browser tests (Playwright with Debian's Chromium): test-e2e.sh build|build-asan|build-tsan [words for playwright test]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build="${1:?a build folder}"
shift
scripts/build-web.sh
scripts/build-variant.sh "$build"
install_npm_package tests

export PARLEY_BINARY="$PWD/$build/parley"
export PLAYWRIGHT_JSON_OUTPUT_FILE="${RESULT_FILE:-/dev/null}"
run_npm_script tests e2e --reporter=list,json "$@"
