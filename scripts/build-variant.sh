#!/usr/bin/env bash
# Builds the server and its unit tests into the folder that names the variant: build, build-asan or build-tsan.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case "${1:-}" in
    build) build_meson build ;;
    build-asan) build_meson build-asan -Db_sanitize=address,undefined -Db_lundef=false --optimization=1 ;;
    build-tsan) build_meson build-tsan -Db_sanitize=thread -Db_lundef=false --optimization=1 ;;
    *) fail "usage: build-variant.sh build|build-asan|build-tsan" ;;
esac
