# Shared by the scripts: sourced, never run. Every script works from the root of the repository.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

node_major_min=22

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Folder of the Node that the lock file of the npm package in $1 pins.
pinned_node_bin() {
    local machine
    case "$(uname -m)" in
        x86_64) machine=x64 ;;
        aarch64) machine=arm64 ;;
        *) fail "no pinned Node for $(uname -m): only x86_64 and aarch64 are known" ;;
    esac
    local bin="$PWD/$1/node_modules/node-linux-$machine/bin"
    [ -x "$bin/node" ] || fail "$bin/node is missing: does $1/package-lock.json pin node-linux-$machine?"
    printf '%s\n' "$bin"
}

# Runs the npm script $2 of the package in $1 with the pinned Node; further words are handed to it.
# `node --run` stands in for `npm run`, because Debian's npm only works under Debian's Node.
run_npm_script() {
    local package="$1" script="$2" bin
    shift 2
    bin="$(pinned_node_bin "$package")"
    (cd "$package" && PATH="$bin:$PATH" exec node --run "$script" -- "$@")
}

# npm leaves out optional packages (native parts of Vite, for one) whose `engines` the Node that runs npm does not meet. So where
# the machine's Node is old, a first pass brings the pinned one, and that one runs npm. Debian's npm keeps its modules beside it.
npm_ci() {
    local options=(ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    if [ "$(node -p 'process.versions.node.split(".")[0]')" -ge "$node_major_min" ]; then
        npm "${options[@]}"
        return
    fi
    local node status=0
    npm "${options[@]}" --omit=dev
    node="$(mktemp)"
    cp node_modules/node-linux-*/bin/node "$node"
    chmod 700 "$node"
    NODE_PATH=/usr/share/nodejs "$node" "$(readlink -f "$(command -v npm)")" "${options[@]}" || status=$?
    rm -f "$node"
    return "$status"
}

# Installs the npm package in $1 when its lock file is not the one that was installed last.
install_npm_package() {
    local stamp="$1/node_modules/.installed-lock"
    if ! cmp -s "$1/package-lock.json" "$stamp"; then
        say "npm ci in $1/"
        (cd "$1" && npm_ci)
        cp "$1/package-lock.json" "$stamp"
    fi
}

# Configures the build folder $1 unless that was done (further words go to `meson setup`) and compiles what changed.
build_meson() {
    local folder="$1"
    shift
    if [ ! -e "$folder/build.ninja" ]; then
        say "meson setup $folder"
        meson setup "$folder" "$@"
    fi
    ninja -C "$folder" | grep -v -E '^ninja: (no work|Entering)' || [ "${PIPESTATUS[0]}" -eq 0 ]
}

# Prints the words to put before a program of the build folder $1. The thread sanitizer of Debian 12 knows fewer places for
# memory than new kernels use at random, so its programs get fixed ones.
sanitizer_wrapper() {
    [ "$1" != build-tsan ] || printf 'setarch\n--addr-no-randomize\n'
}

# A sanitizer's finding ends the program with a status that no test takes for success.
export ASAN_OPTIONS="${ASAN_OPTIONS:-abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-halt_on_error=1:abort_on_error=1:print_stacktrace=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1:abort_on_error=1:second_deadlock_stack=1}"
