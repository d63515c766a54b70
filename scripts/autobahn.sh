#!/usr/bin/env bash
# Autobahn's WebSocket test suite (PyPI: autobahntestsuite) against build/tests/parley-echo: autobahn.sh [--messages N]
# --messages bounds the messages of a case in sections 12 and 13 (1,000 otherwise). Reports for people: build-autobahn/report.
# The suite is Python 2 code: it runs in a virtual environment on the machine's Python 2.7 ($PYTHON2, python2.7, or pyenv's).
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

virtualenv_version=20.15.1 # the last line that makes environments for Python 2.7

find_python2() {
    local candidate
    for candidate in "${PYTHON2:-}" python2.7 "$(pyenv root 2>/dev/null)"/versions/2.7.*/bin/python2.7; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "autobahntestsuite needs a Python 2.7: none is there, set PYTHON2 to one"
}

# pip of Python 2.7 says on every call that it is out of date.
quiet_pip() {
    "$@" --disable-pip-version-check --quiet --no-warn-script-location 2>&1 | sed '/^DEPRECATION:/d' >&2
}

# The environment is made anew when the requirements are not those that it was made with.
install_suite() {
    local python2
    python2="$(find_python2)"
    if cmp -s tests/autobahn/requirements.txt build-autobahn/installed.txt; then return; fi
    say "installing Autobahn's test suite into build-autobahn/"
    rm -rf build-autobahn/virtualenv build-autobahn/python
    quiet_pip "$python2" -m pip install --target build-autobahn/virtualenv "virtualenv==$virtualenv_version"
    PYTHONPATH=build-autobahn/virtualenv "$python2" -W ignore -m virtualenv --quiet build-autobahn/python
    quiet_pip build-autobahn/python/bin/python -m pip install -r tests/autobahn/requirements.txt
    cp tests/autobahn/requirements.txt build-autobahn/installed.txt
}

scripts/build-variant.sh build
mkdir -p build-autobahn
install_suite
exec tests/autobahn/run.py build-autobahn/python/bin/python build/tests/parley-echo "$PWD/build-autobahn/report" "$@"
