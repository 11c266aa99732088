#!/bin/bash
# tests/browser.sh BUILD: opens the page of `tide report` in a headless Chromium, and uses it as a person would.
# Exits 77, with a line saying why, where there is no Chromium and none can be installed.
set -u
build=$1

skip() {
    echo "Chromium: skipped: $*"
    exit 77
}

said=$(mktemp)
trap 'rm -f "$said"' EXIT
if ! command -v chromium >/dev/null; then
    scripts/setup chromium 2>"$said" || skip "it could not be installed: $(tail -n 1 "$said")"
    command -v chromium >/dev/null || skip "there is none, and no Debian to install it from"
fi
chromium --headless --no-sandbox --version >/dev/null 2>"$said" || skip "it does not start: $(tail -n 1 "$said")"

export LUA_PATH_5_4="$PWD/scripts/?.lua;$PWD/scripts/?/init.lua;$PWD/tests/lua/?.lua;;"
export LUA_CPATH_5_4="$build/?.so;;"
exec "${TIDE_LUA:-lua5.4}" /usr/bin/busted -o plainTerminal tests/lua/browser/report.lua
