#!/usr/bin/env bash
# The fresh-machine test: a bare Debian 12 in a folder, with `make`, `git` and this machine's package-manager settings and
# nothing else, in which a copy of HEAD must run (a browser outside sees the page), stop, run again with the network cut,
# and pass its own tests. Needs root. Everything happens in mount and process namespaces of its own and in one temporary
# folder, so nothing is left behind, however it ends.
#   FRESH_DEBS=DIR    keep debootstrap's downloads there between runs
#   FRESH_TEST=0      leave `make test` out
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

port="${FRESH_PORT:-7790}"
url="http://127.0.0.1:$port/"
offline_limit_s=5

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" -eq 0 ] || fail "make fresh needs root: it makes a root folder of its own and enters it"
    scripts/install-dependencies.sh fresh
    root="$(mktemp -d /var/tmp/parley-fresh.XXXXXX)"
    chmod 755 "$root" # it becomes /: a test that is nobody must get through it
    trap 'rm -rf --one-file-system "$root"' EXIT
    # The first process of a PID namespace takes all others with it when it ends.
    status=0
    unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside "$root" || status=$?
    exit "$status"
fi
root="$2"

carry() {
    local path
    for path in "$@"; do
        [ ! -e "$path" ] || cp -aL --parents "$path" "$root"
    done
}

# Only what apt, npm and pip need to reach their registries from here; never a package, a tool or a cache.
carry_package_manager_settings() {
    carry /etc/resolv.conf /etc/hosts /etc/apt /etc/ssl/certs/ca-certificates.crt /usr/local/share/ca-certificates \
        /etc/npmrc /etc/pip.conf "$HOME/.npmrc" "$HOME/.config/pip"
    [ ! -e /usr/etc/npmrc ] || cp -aL /usr/etc/npmrc "$root/etc/npmrc"
    rm -f "$root"/etc/apt/apt.conf.d/{20packagekit,50appstream}
    chroot "$root" update-ca-certificates >/dev/null 2>&1
}

settings_of_environment() {
    env | grep -E -i '^(https?_proxy|no_proxy|all_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|CURL_CA_BUNDLE|npm_config_[a-z_]*)=' || true
}

inside() {
    local settings
    mapfile -t settings < <(settings_of_environment)
    chroot "$root" env -i HOME="$HOME" TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "${settings[@]}" sh -c "cd /srv/parley && $1"
}

wait_for_page() {
    local limit_s="$1" start="$SECONDS"
    until curl --silent --fail --noproxy '*' --output /dev/null "$url"; do
        kill -0 "$server" 2>/dev/null || fail "make run ended before it listened"
        [ $((SECONDS - start)) -le "$limit_s" ] || fail "nothing listened on $url after $limit_s s"
        sleep 0.1
    done
}

# What a person would see: the page after its scripts ran, which the empty index.html does not have.
see_page() {
    local seen
    seen="$(chromium --headless --no-sandbox --disable-gpu --no-proxy-server --virtual-time-budget=10000 \
        --user-data-dir="$root/tmp/browser" --dump-dom "$url" 2>/dev/null)" || fail "the browser could not open $url"
    grep -q -E '<(form|button|h1)\b' <<<"$seen" || fail "the browser got a page with nothing on it: ${seen:0:500}"
    say "the browser sees: $(grep -o '<title>[^<]*' <<<"$seen" | cut -c 8-), $(grep -o '<h1[^>]*>[^<]*' <<<"$seen" | sed 's/.*>//' | head -1)"
}

# As Ctrl-C does: to the whole group of the terminal's foreground.
stop_server() {
    kill -INT -- "-$server"
    local status=0
    wait "$server" || status=$?
    say "stopped by SIGINT (make says $status)"
    if curl --silent --noproxy '*' --output /dev/null "$url"; then fail "something still listens on $url"; fi
}

say "debootstrap into $root"
# shellcheck disable=SC2016 # apt fills it in
mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 2>/dev/null | head -1)"
debootstrap --variant=minbase --include=make,git,ca-certificates ${FRESH_DEBS:+--cache-dir="$FRESH_DEBS"} \
    bookworm "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 || { tail -20 "$root.log"; rm -f "$root.log"; fail "debootstrap"; }
rm -f "$root.log"
carry_package_manager_settings
mkdir -p "$root/srv/parley"
git archive HEAD | tar -x -C "$root/srv/parley"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/dev/shm"
mount --rbind --make-slave /sys "$root/sys"
set -m

say "make run in it"
start="$SECONDS"
inside "make run ARGS='--listen 127.0.0.1:$port'" &
server=$!
wait_for_page 1800
say "listens after $((SECONDS - start)) s"
see_page
stop_server

say "make run again, with the network cut"
start="$(date +%s%N)"
export -f inside settings_of_environment
export root port url
# shellcheck disable=SC2016 # expanded by the inner shell
unshare --net bash -euo pipefail -c '
    ip link set lo up
    set -m
    inside "make run ARGS=\"--listen 127.0.0.1:$port\"" &
    server=$!
    until curl --silent --fail --noproxy "*" --output /dev/null "$url"; do
        kill -0 "$server" || exit 1
        sleep 0.1
    done
    date +%s%N >"$root/tmp/listened"
    kill -INT -- "-$server"
    wait "$server"' || true
[ -e "$root/tmp/listened" ] || fail "it did not listen with the network cut"
took_ms=$((($(cat "$root/tmp/listened") - start) / 1000000))
say "listens after $took_ms ms"
[ "$took_ms" -le $((offline_limit_s * 1000)) ] || fail "more than $offline_limit_s s"

if [ "${FRESH_TEST:-1}" = 1 ]; then
    say "make test in it"
    if ! inside "make test" >"$root/tmp/test.log" 2>&1; then
        grep -E -A 20 'not ok|FAILED|✘|✖|Error|[0-9] .*(ERROR|FAIL|TIMEOUT) ' "$root/tmp/test.log" | head -100
        tail -25 "$root/tmp/test.log"
        fail "make test"
    fi
    tail -25 "$root/tmp/test.log"
fi
say "fresh machine: all is well"
