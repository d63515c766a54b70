#!/usr/bin/env bash
# Installs what a set of stages needs and runs it: test.sh check|test|ci
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case "${1:-}" in
    test) scripts/install-dependencies.sh run test ;;
    check | ci) scripts/install-dependencies.sh run test lint ;;
    *) fail "usage: test.sh check|test|ci" ;;
esac
scripts/build.sh
exec scripts/stages.py "$1"
