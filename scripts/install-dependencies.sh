#!/usr/bin/env bash
# Installs the Debian packages that a set of tasks needs and that are not there yet:
#   install-dependencies.sh run|test|lint|peers ...
# What is there is asked of dpkg every time; when nothing is missing, neither root nor the network is needed.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck disable=SC2034 # reached by name below
{
packages_run=(
    build-essential pkg-config meson ninja-build python3 ca-certificates
    libuv1-dev liburing-dev node-llhttp libjansson-dev libsodium-dev libsqlite3-dev zlib1g-dev libssl-dev libicu-dev
    libutf8proc-dev libinih-dev libcmocka-dev nodejs npm
)
packages_test=(
    chromium fonts-dejavu-core fonts-noto-color-emoji sqlite3 curl git strace openssl haproxy
    python3-socketio python3-requests python3-websocket python3-flask-socketio # clients and a peer of the guides
)
packages_lint=(clang clang-tidy clang-format cppcheck libclang-rt-14-dev universal-ctags shellcheck)
packages_peers=(python3-flask-socketio python3-eventlet) # for bench/peers
packages_fresh=(debootstrap chromium curl iproute2)
}

# Node and npm may come from elsewhere than Debian: then the command counts, not the package.
is_there() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] && return
    case "$1" in
        nodejs) command -v node >/dev/null ;;
        npm) command -v npm >/dev/null ;;
        *) return 1 ;;
    esac
}

missing=()
for set in "$@"; do
    declare -n packages="packages_$set"
    for package in "${packages[@]}"; do
        is_there "$package" || missing+=("$package")
    done
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "these packages are missing, and installing them needs root: ${missing[*]}"
    as_root=(sudo)
fi
say "installing with apt-get: ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
