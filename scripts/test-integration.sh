#!/usr/bin/env bash
# The integration tests against the real server of a build folder: test-integration.sh build|build-asan|build-tsan [FILE ...]
# The tests start $PARLEY_BINARY.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build="${1:?a build folder}"
shift
scripts/build-variant.sh "$build"
install_npm_package tests
mapfile -t wrapper < <(sanitizer_wrapper "$build")

ninja -C "$build" tests/powercut/parley-powercut
export PARLEY_BINARY="$PWD/$build/parley" PARLEY_POWERCUT_BINARY="$PWD/$build/tests/powercut/parley-powercut"
export PARLEY_ECHO_BINARY="$PWD/$build/tests/parley-echo"
if [ $# -eq 0 ]; then
    shopt -s nullglob
    set -- tests/integration/*.test.ts
    [ $# -gt 0 ] || fail "there is no tests/integration/*.test.ts"
fi
RESULT_FILE="${RESULT_FILE:-$(mktemp)}"
"${wrapper[@]}" "$(pinned_node_bin tests)/node" --test --test-concurrency=2 --test-timeout=1200000 --disable-warning=ExperimentalWarning \
    --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination="$RESULT_FILE" "$@"
