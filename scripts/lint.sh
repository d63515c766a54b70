#!/usr/bin/env bash
# Every formatter, linter and check: lint.sh [--changed]
# --changed looks at what differs from the upstream branch (without one: from HEAD) where a tool works file by file.
# Each check is one test in the totals. clang-tidy and cppcheck look again only at what was compiled anew.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

changed_only=
output_lines_max=100
[ "${1:-}" != --changed ] || changed_only=1
output="$(mktemp)"
trap 'rm -f "$output"' EXIT
passed=0
failed=0

# Runs the words after the name as one check and shows their output only if they fail.
check() {
    local name="$1"
    shift
    if "$@" >"$output" 2>&1; then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$name"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n' "$name"
        head -n "$output_lines_max" "$output" | sed 's/^/        /'
    fi
}

# The tracked and new files that match the patterns, one a line; with --changed only those that differ.
files() {
    if [ -n "$changed_only" ]; then
        local base
        base="$(git merge-base HEAD '@{upstream}' 2>/dev/null || git rev-parse HEAD)"
        git diff --name-only --diff-filter=d "$base" -- "$@"
    else
        git ls-files -- "$@"
    fi
    git ls-files --others --exclude-standard -- "$@"
}

check_c_format() {
    local unformatted
    unformatted="$(files '*.c' '*.h' | sort -u | xargs -r clang-format --dry-run 2>&1 | sed -n 's/^\([^: ]*\):[0-9].*/\1/p' | sort -u)"
    [ -z "$unformatted" ] || printf 'not formatted (make format does it):\n%s\n' "$unformatted"
    [ -z "$unformatted" ]
}

# Our compiled sources with their object files, as `object<TAB>source`, from the build folder's own list.
compiled_sources() {
    python3 - <<'PY'
import json, os
for entry in json.load(open("build/compile_commands.json")):
    source = os.path.relpath(os.path.join(entry["directory"], entry["file"]))
    if not source.startswith(("..", "build")) and not os.path.isabs(source):
        print(f"build/{entry['output']}\t{source}")
PY
}

# One source, unless it was found clean since its object file was made (which any change of a header does too).
tidy_one() {
    local stamp="build/lint/$2.tidy"
    if [ "$stamp" -nt "$1" ] && [ "$stamp" -nt .clang-tidy ]; then return 0; fi
    clang-tidy --quiet -p build "$2" 2>/dev/null || return 1
    mkdir -p "$(dirname "$stamp")"
    touch "$stamp"
}
export -f tidy_one

check_c_tidy() {
    compiled_sources | sort -u -k2 | tr '\n' '\t' | xargs -r -d '\t' -n 2 -P "$(nproc)" bash -c 'tidy_one "$@"' tidy
}

check_cppcheck() {
    mkdir -p build/cppcheck
    cppcheck --project=build/compile_commands.json --cppcheck-build-dir=build/cppcheck -j "$(nproc)" --quiet \
        --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --suppress='*:/usr/share/*' --suppress='*:*/build/*' --suppress=unknownMacro --suppress=missingIncludeSystem
}

check_shell() {
    git ls-files -z -- 'scripts/*.sh' .ci/run | xargs -0 shellcheck -x
}

# A file that names a package registry ties a clone to one network; one that names this machine's folders ties it to this machine.
check_tracked_text() {
    local hosts='registry[.](npmjs[.]org|yarnpkg[.]com)|deb[.]debian[.]org|pypi[.]org|pkg[.]dev|files[.]pythonhosted[.]org'
    local machine=() folder
    for folder in "$(dirname "$PWD")" "$HOME"; do
        case "$folder" in
            / | /tmp | /var/tmp | /home | /opt | /srv | /usr/src) ;;
            *) machine+=(-e "$folder/") ;;
        esac
    done
    local status=0
    if git grep -nIE -e "$hosts"; then status=1; fi
    if [ ${#machine[@]} -gt 0 ] && git grep -nIF "${machine[@]}"; then status=1; fi
    return "$status"
}

scripts/install-dependencies.sh run lint
scripts/build-variant.sh build
install_npm_package web
install_npm_package tests

check "C: format" check_c_format
check "C: clang-tidy" check_c_tidy
check "C: cppcheck" check_cppcheck
check "C: layers" tools/check_layers.py
check "C: length of functions" tools/check_functions.py
check "generated files are current" build/tools/generate --check .
check "web: types" run_npm_script web types
check "web: ESLint" run_npm_script web lint
check "tests: types" run_npm_script tests types
check "tests: ESLint" run_npm_script tests lint
check "shell" check_shell
check "no registry host, no machine path" check_tracked_text

[ -z "${RESULT_FILE:-}" ] || printf '{"passed": %d, "failed": %d}\n' "$passed" "$failed" >"$RESULT_FILE"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
