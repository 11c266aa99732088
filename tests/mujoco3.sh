#!/bin/bash
# tests/mujoco3.sh [BUILD]: builds Tide against MuJoCo 3 and runs the simulator's tests with it.
# Python's package index carries the C library and its headers inside the wheel `mujoco`; MUJOCO3 picks another version,
# MUJOCO3_WHEEL a wheel that is here already. Exits 77, with a line saying why, where the wheel can't be had.
set -u
cd "$(dirname "$0")/.." || exit 1

version=${MUJOCO3:-3.3.7}
folder=build/mujoco3
wheels=$folder/wheel-$version

skip() {
    echo "MuJoCo $version: skipped: $*"
    exit 77
}

# The wheel, fetched once.
if [ ! -d "$wheels/mujoco/include" ]; then
    command -v python3 >/dev/null || skip "no python3 to fetch the wheel with"
    mkdir -p "$wheels" || exit 1
    wheel=${MUJOCO3_WHEEL-}
    if [ -z "$wheel" ]; then
        python3 -m pip --version >/dev/null 2>&1 || skip "no pip to fetch the wheel with"
        python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --timeout 20 \
            --python-version 3.11 --dest "$wheels" "mujoco==$version" >"$wheels/pip.log" 2>&1 ||
            skip "pip could not fetch it: $(tail -n 1 "$wheels/pip.log")"
        wheel=$(ls "$wheels"/mujoco-*.whl) || skip "pip left no wheel in $wheels"
    fi
    python3 -m zipfile -e "$wheel" "$wheels" || exit 1
fi
[ -f "$wheels/mujoco/include/mujoco/mujoco.h" ] || skip "its wheel holds no headers"

cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTIDE_WERROR=ON \
    -DMUJOCO_ROOT="$PWD/$wheels/mujoco" >"$folder/cmake.log" 2>&1 || {
    cat "$folder/cmake.log"
    exit 1
}
ninja -C "$folder" -j "$(nproc)" >"$folder/ninja.log" 2>&1 || {
    cat "$folder/ninja.log"
    exit 1
}

export LUA_PATH_5_4="$PWD/scripts/?.lua;$PWD/scripts/?/init.lua;$PWD/tests/lua/?.lua;;"
export LUA_CPATH_5_4="$PWD/$folder/?.so;;"
export TIDE_PROGRAM=$PWD/$folder/bin/tide
unset LUA_PATH LUA_CPATH LUA_INIT LUA_INIT_5_4 TIDE_HOME
failed=0

found=$(lua5.4 -e 'io.write(require("tide.core").mujoco_version())') || failed=1
echo "MuJoCo $found"
if [ "$found" != "$version" ]; then
    echo "built against $version, but running with $found"
    failed=1
fi
for test in tests/c/sim/test_*.c; do
    "$folder/$(basename "$test" .c)" || failed=1
done
for spec in physics world gap conform_physics play; do
    [ -f "tests/lua/${spec}_spec.lua" ] || continue
    lua5.4 /usr/bin/busted -o plainTerminal "tests/lua/${spec}_spec.lua" || failed=1
done
exit "$failed"
