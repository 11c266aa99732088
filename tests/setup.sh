#!/bin/sh
# tests/setup.sh: scripts/setup on machines that lack packages, with a package system of its own invention.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin" "$folder/scripts"
cp scripts/setup "$folder/scripts/"
setup=$folder/scripts/setup

fail() {
    echo "$1"
    cat "$folder/err"
    exit 1
}

# stub NAME BODY: a program of that name, before the system's.
stub() {
    printf '#!/bin/sh\n%s\n' "$2" >"$folder/bin/$1"
    chmod +x "$folder/bin/$1"
}

# run: scripts/setup with the stubs, its exit code in $code and its messages in err.
run() {
    code=0
    PATH=$folder/bin:$PATH "$setup" </dev/null >"$folder/out" 2>"$folder/err" || code=$?
    [ ! -s "$folder/out" ] || fail "standard output is not empty"
}

installed_but_two='for p in "$@"; do case $p in lua5.4 | check | -* | \$*) ;; *) echo "$p installed" ;; esac; done; exit 1'

# All there: silence.
stub dpkg-query 'for p in "$@"; do echo "$p installed"; done'
stub apt-get 'exit 99'
run
[ $code -eq 0 ] && [ ! -s "$folder/err" ] || fail "complete: exit code $code"

# Removed, configuration left behind: not installed.
stub dpkg-query 'for p in "$@"; do echo "$p config-files"; done'
stub id 'echo 1000'
stub sudo 'exit 1'
run
[ $code -eq 1 ] || fail "config-files: exit code $code"

# Neither root nor sudo: names what is missing, and only that.
stub dpkg-query "$installed_but_two"
run
[ $code -eq 1 ] || fail "no root: exit code $code"
grep -qE '^ *apt-get install lua5\.4 check$' "$folder/err" || fail "no root: the packages are not named"

# Root, package lists absent: update, then install.
stub id 'echo 0'
stub apt-get 'case "$*" in
*" update"*) touch "'"$folder"'/updated" ;;
*) [ -e "'"$folder"'/updated" ] && echo "$*" >"'"$folder"'/installed" ;;
esac'
run
[ $code -eq 0 ] || fail "root: exit code $code"
grep -qE 'install --no-install-recommends lua5\.4 check$' "$folder/installed" || fail "root: wrong packages installed"

# Named packages: these and no others.
rm "$folder/installed"
code=0
PATH=$folder/bin:$PATH "$setup" check gcc </dev/null >"$folder/out" 2>"$folder/err" || code=$?
[ $code -eq 0 ] && grep -qE 'install --no-install-recommends check$' "$folder/installed" ||
    fail "named packages: exit code $code"

# sudo without a password: through it.
stub id 'echo 1000'
stub sudo '[ "$1" = -n ] && shift
touch "'"$folder"'/through-sudo"
exec "$@"'
rm "$folder/installed"
run
[ $code -eq 0 ] && [ -e "$folder/through-sudo" ] && [ -s "$folder/installed" ] || fail "sudo: exit code $code"

# apt-get fails: its output, the packages, where the rest is.
stub apt-get 'echo "E: no such luck"; exit 100'
run
[ $code -eq 1 ] || fail "apt fails: exit code $code"
grep -q 'no such luck' "$folder/err" || fail "apt fails: its output is not shown"
grep -q 'could not install lua5.4 check' "$folder/err" || fail "apt fails: the packages are not named"
