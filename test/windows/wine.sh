#!/bin/sh
# Runs a command with Wine prepared and one server kept alive, so that each program starts in hundredths of seconds.
#
#   test/windows/wine.sh PREFIX COMMAND [ARGS...]     (PREFIX: an absolute path)
set -eu
WINEPREFIX=$1
shift
WINEDEBUG=-all
WINEDLLOVERRIDES='mscoree,mshtml='
export WINEPREFIX WINEDEBUG WINEDLLOVERRIDES
unset DISPLAY
wine=/usr/lib/wine/wine64
server=/usr/lib/wine/wineserver64
if [ ! -f "$WINEPREFIX/.prepared" ]; then
  rm -rf "$WINEPREFIX"
  # Left alone it takes itself for Windows 7.
  if ! "$wine" wineboot -i </dev/null >/dev/null 2>&1 ||
    ! "$wine" reg add 'HKCU\Software\Wine' /v Version /d win10 /f </dev/null >/dev/null 2>&1; then
    echo "$0: Wine could not be prepared in $WINEPREFIX" >&2
    exit 1
  fi
  touch "$WINEPREFIX/.prepared"
fi
"$server" -k || true
"$server" -w || true
"$server" -p300 </dev/null >/dev/null 2>&1 || true
trap '"$server" -k >/dev/null 2>&1 || true' EXIT
# Starts Wine's own services now, outside of the command's pipes.
"$wine" cmd /c exit </dev/null >/dev/null 2>&1 || true
"$@"
