#!/usr/bin/env bash
# Runs every fuzzer of tests/fuzz for SECONDS_EACH seconds (default 60) with clang's libFuzzer, ASan and UBSan. Seeds are
# read from tests/fuzz/corpus/NAME (without fuzz_) where that is; what makes one fail is kept in build-fuzz/; its log is
# printed then, and stands in build-fuzz/NAME.log in any case.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/install-dependencies.sh run lint
[ -e build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Db_sanitize=address,undefined -Db_lundef=false --optimization=1 -Dtests=false -Dc_args=-fsanitize=fuzzer-no-link

shopt -s nullglob
names=()
for source in tests/fuzz/fuzz_*.c; do names+=("$(basename "$source" .c)"); done
[ ${#names[@]} -gt 0 ] || fail "there is no tests/fuzz/fuzz_*.c"
ninja -C build-fuzz "${names[@]/#/tests/fuzz/}"
passed=0
failed=0
for name in "${names[@]}"; do
    say "$name"
    corpus=("build-fuzz/corpus/$name")
    mkdir -p "${corpus[0]}"
    seeds="tests/fuzz/corpus/${name#fuzz_}"
    [ ! -d "$seeds" ] || corpus+=("$seeds")
    if "build-fuzz/tests/fuzz/$name" -max_len=16384 -max_total_time="${SECONDS_EACH:-60}" -rss_limit_mb=1024 -timeout=10 -print_final_stats=0 \
        -verbosity=0 -artifact_prefix=build-fuzz/ "${corpus[@]}" >"build-fuzz/$name.log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        grep -v ' # Uses: ' "build-fuzz/$name.log" >&2
    fi
done
[ -z "${RESULT_FILE:-}" ] || printf '{"passed": %d, "failed": %d}\n' "$passed" "$failed" >"$RESULT_FILE"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
