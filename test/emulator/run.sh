#!/bin/sh
# run.sh EMULATOR ROOT PROGRAM [ARGS...]: what ctest runs the programs of another processor by; its libraries are
# below ROOT. Leaves the cases out that the emulator cannot run, named in left_out.txt; EVENTIDE_TEST_EMULATED asks
# for fewer repetitions.
set -eu
here=$(dirname "$0")
emulator=$1
root=$2
shift 2
cases=$(awk -v program="${1##*/}" '
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
exec "$emulator" -L "$root" "$@"
