#!/usr/bin/env bash
# Builds what changed and becomes the server, so that Ctrl-C and signals reach it and nothing else.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/build.sh
exec build/parley serve "$@"
