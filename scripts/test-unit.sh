#!/usr/bin/env bash
# The C unit tests of a build folder: test-unit.sh build|build-asan|build-tsan [words for meson test]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build="${1:?a build folder}"
shift
scripts/build-variant.sh "$build"
mapfile -t wrapper < <(sanitizer_wrapper "$build")

rm -f "$build"/meson-logs/testlog*.json
status=0
"${wrapper[@]}" meson test -C "$build" --no-rebuild --print-errorlogs "$@" || status=$?
[ -z "${RESULT_FILE:-}" ] || cp "$build"/meson-logs/testlog.json "$RESULT_FILE"
exit "$status"
