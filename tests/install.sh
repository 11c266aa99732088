#!/bin/sh
# tests/install.sh BUILD: installs the build into a folder of its own and uses what is there, and only that:
# the program, the Lua module from stock lua5.4, the C libraries through pkg-config.
set -eu
build=$1
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
unset TIDE_HOME LUA_PATH LUA_CPATH LUA_PATH_5_4 LUA_CPATH_5_4 TIDE_PROGRAM
cmake=/usr/bin/cmake
[ -x "$cmake" ] || cmake=cmake

"$cmake" --install "$build" --prefix "$prefix" >"$prefix/install.log" || {
    cat "$prefix/install.log"
    exit 1
}

fail() {
    echo "$1"
    exit 1
}
sanitizer=""
if grep -q '^TIDE_SANITIZE:STRING=address' "$build/CMakeCache.txt"; then
    sanitizer="-fsanitize=address,undefined"
fi

# Away from the source tree.
root=$PWD
cd "$prefix"

# The program.
bin/tide --version >version.txt
echo 'print(require("tide.paths").home(), package.searchpath("tide.cli", package.path))' | bin/tide repl >home.txt
grep -qxF "$prefix/share/tide	$prefix/share/lua/5.4/tide/cli.lua" home.txt || fail "the program looks in $(cat home.txt)"

# Every robot, experiment and Lua file that the tree has.
for folder in envs experiments; do
    [ -d "$root/$folder" ] || continue
    diff -r --exclude=results "$root/$folder" "share/tide/$folder"
done
diff -r "$root/scripts/tide" share/lua/5.4/tide

# The Lua module.
if [ -z "$sanitizer" ]; then
    cat >module.lua <<'LUA'
local core, paths = require "tide.core", require "tide.paths"
assert(#core.rng(1):normal(2, 3):totable() > 0)
print(paths.home())
LUA
    LUA_PATH="$prefix/share/lua/5.4/?.lua;$prefix/share/lua/5.4/?/init.lua;;" \
        LUA_CPATH="$prefix/lib/lua/5.4/?.so;;" lua5.4 module.lua >module.txt
    grep -qxF "$prefix/share/tide" module.txt || fail "the module looks in $(cat module.txt)"
fi

# The C library, shared and static.
cat >user.c <<'C'
#include <stdio.h>

#include <autodiff/tape.h>
#include <base/rng.h>
#include <h2o/h2o.h>
#include <nn/mlp.h>
#include <tensor/tensor.h>

int main(void)
{
    tide_rng rng = tide_rng_make(1, 0);
    float draw;
    tide_rng_normal(&rng, &draw, 1);
    tide_mlp *mlp = NULL;
    const size_t sizes[] = {2, 8, 1};
    if (tide_mlp_create(&mlp, sizes, 2, (tide_mlp_options){0}) != TIDE_OK) {
        puts(tide_message());
        return 1;
    }
    tide_mlp_destroy(mlp);
    printf("%.6f\n", (double)draw);
    return 0;
}
C
export PKG_CONFIG_PATH="$(dirname "$(find "$prefix" -name tide.pc)")"
libdir=$(pkg-config --variable=libdir tide)
for header in $(cd include/tide && find . -name '*.h'); do
    echo "#include <$header>" | gcc -std=c17 -Wall -Werror $(pkg-config --cflags tide) -fsyntax-only -x c - || fail "$header"
done
gcc -std=c17 -Wall -Werror $sanitizer user.c $(pkg-config --cflags --libs tide) -o shared
LD_LIBRARY_PATH=$libdir ./shared >shared.txt
ldd ./shared | grep -q 'libtide\.so\.0' || fail "the program is not linked with libtide.so.0"
gcc -std=c17 -Wall -Werror $sanitizer user.c $(pkg-config --cflags --static --libs tide | sed "s|-ltide|$libdir/libtide.a|") -o static
./static >static.txt
cmp shared.txt static.txt
