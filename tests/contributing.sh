#!/usr/bin/env bash
# Does what CONTRIBUTING.md says about adding an operation, word by word, on a scratch copy: two files are changed by hand, and the
# operation then answers over REST and over the command table. Writes {"passed": N, "failed": N} to $RESULT_FILE.
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

scratch="$(mktemp -d)"
server=""
passed=0
# shellcheck disable=SC2317
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    rm -rf "$scratch"
}
trap cleanup EXIT
check() {
    say "$1"
    passed=$((passed + 1))
}

git archive HEAD | tar -x -C "$scratch"
git -C "$scratch" init -q && git -C "$scratch" add -A && git -C "$scratch" -c user.name=t -c user.email=t@example.org commit -qm scratch

# The blocks of code in the section, in order: the row of the table, the handler.
block() {
    awk -v wanted="$1" '/^## Adding an operation/{inside=1} /^## /&&!/Adding/{inside=0}
        inside && /^ *```c/{count++; open=1; next} /^ *```/{open=0} inside && open && count==wanted{sub(/^   /,""); print}' CONTRIBUTING.md
}
block 1 >>"$scratch/server/protocol/operations.def"
block 2 >>"$scratch/server/chat/history.c"
[ "$(git -C "$scratch" diff --name-only | wc -l)" -eq 2 ] || fail "more than two files were changed by hand"
check "two files are changed by hand"

meson setup "$scratch/build" "$scratch" -Dtests=false >"$scratch/meson.log" 2>&1 || fail "meson: $(tail -3 "$scratch/meson.log")"
ninja -C "$scratch/build" parley tools/generate >"$scratch/ninja.log" 2>&1 || fail "build: $(grep -m3 error "$scratch/ninja.log")"
check "it builds"

"$scratch/build/tools/generate" "$scratch"
grep -q '"message.count"' "$scratch/web/sdk/generated.ts" || fail "generated.ts does not know the operation"
grep -q '^### message.count' "$scratch/docs/PROTOCOL.md" || fail "PROTOCOL.md does not know the operation"
check "types and documents follow"

parley=("$scratch/build/parley")
data="$scratch/data"
printf 'correct horse\n' | "${parley[@]}" user add anna --role owner --password-stdin --data "$data" >/dev/null
token="$("${parley[@]}" token create --user anna --data "$data" | awk '{print $NF}')"
"${parley[@]}" serve --data "$data" --listen 127.0.0.1:0 >"$scratch/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    url="$(sed -n 's/^Parley listens on //p' "$scratch/server.log")"
    [ -n "$url" ] && break
    sleep 0.1
done
[ -n "$url" ] || fail "the server did not start: $(tail -2 "$scratch/server.log")"
room="$(curl -sf -H "Authorization: Bearer $token" "$url/api/v1/rooms" | sed -n 's/.*"rooms":\[{"id":"\([^"]*\)".*/\1/p')"
answer="$(curl -sf -H "Authorization: Bearer $token" "$url/api/v1/rooms/$room/count")"
[[ "$answer" =~ ^\{\"seq\":[0-9]+\}$ ]] || fail "GET /rooms/{room}/count answered: $answer"
check "GET /api/v1/rooms/{room}/count answers $answer"

printf '{"passed": %d, "failed": 0}\n' "$passed" >"${RESULT_FILE:-/dev/null}"
