#!/usr/bin/env bash
# Builds the server into build/parley and the web client into web/dist; does nothing where nothing changed.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/install-dependencies.sh run
scripts/build-web.sh
build_meson build
