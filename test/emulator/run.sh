#!/bin/sh
# run.sh EMULATOR-AND-OPTIONS... PROGRAM [ARGS...]: what ctest runs the programs of another processor by. Leaves the
# cases out that the emulator cannot run, named in left_out.txt; EVENTIDE_TEST_EMULATED asks for fewer repetitions.
set -eu
here=$(dirname "$0")
program=''
for word; do # the first word that is the name of a file to be run, after the emulator and its options
  case $program$word in
    "$1") ;;
    */test/*) program=${program:-${word##*/}} ;;
  esac
done
cases=$(awk -v program="$program" '
  /^#/ || !NF { next }
  $1 == program { for (i = 2; i <= NF; ++i) { last = sub(/:$/, "", $i); printf "%s%s", n++ ? ":" : "", $i; if (last) break } }
' "$here/left_out.txt")
EVENTIDE_TEST_EMULATED=1
export EVENTIDE_TEST_EMULATED
if [ -n "$cases" ]; then
  GTEST_FILTER="-$cases"
  CHECK_LEAVE_OUT=$cases
  export GTEST_FILTER CHECK_LEAVE_OUT
fi
exec "$@"
