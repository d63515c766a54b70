#!/usr/bin/env bash
# Writes every view of the web client, light, dark and phone, empty, full, error and long text, into screenshots/.
# screenshots.sh keep: the README's picture, docs/screenshot.png, becomes the one just taken.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/install-dependencies.sh run test
scripts/build.sh
install_npm_package tests
export PARLEY_BINARY="$PWD/build/parley"
rm -rf screenshots
run_npm_script tests screenshots
say "written: $(find screenshots -name '*.png' | wc -l) pictures in screenshots/"
if [ "${1:-}" = keep ]; then
    cp screenshots/readme.light.png docs/screenshot.png
fi
