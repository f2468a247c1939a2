#!/bin/sh
# Runs a command with Wine prepared and one server kept alive, so that each program starts in hundredths of seconds.
#
#   test/wine.sh PREFIX COMMAND [ARGS...]
set -eu
WINEPREFIX=$1
shift
WINEDEBUG=-all
WINEDLLOVERRIDES='mscoree,mshtml='
export WINEPREFIX WINEDEBUG WINEDLLOVERRIDES
unset DISPLAY
wine=/usr/lib/wine/wine64
server=/usr/lib/wine/wineserver64
[ -d "$WINEPREFIX" ] || "$wine" wineboot -i </dev/null >/dev/null 2>&1
"$server" -k || true
"$server" -w || true
"$server" -p300 </dev/null >/dev/null 2>&1 || true
trap '"$server" -k >/dev/null 2>&1 || true' EXIT
# Starts Wine's own services now, outside of the command's pipes.
"$wine" cmd /c exit </dev/null >/dev/null 2>&1 || true
"$@"
