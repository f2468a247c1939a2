#!/bin/sh
# run.sh BUILD_DIRECTORY: the test suite of a build as on other machines, one after the other: sockets that hold
# little or much, few or many descriptors, one CPU, busy CPUs. What this machine does not permit is left out, and
# said. Status 1 if a test failed.
set -u
build=$1
status=0

# suite NAME COMMAND...: all tests, under a command that takes another as its arguments.
suite() {
  name=$1
  shift
  echo "== $name"
  begin=$(date +%s)
  verdict=passed
  "$@" ctest --test-dir "$build" --output-on-failure --no-tests=error --parallel "$(nproc)" || verdict=FAILED
  [ "$verdict" = passed ] || status=1
  echo "table: $name: $verdict ($(($(date +%s) - begin)) s)"
}

left_out() { echo "table: $1: left out, not permitted here"; }

# A network of its own, with these values for tcp_wmem and tcp_rmem.
with_tcp_buffers() {
  wmem=$1
  rmem=$2
  shift 2
  # shellcheck disable=SC2016
  unshare -n sh -c 'ip link set lo up && echo "$1" >/proc/sys/net/ipv4/tcp_wmem && echo "$2" >/proc/sys/net/ipv4/tcp_rmem || exit 99
    shift 2
    exec "$@"' sh "$wmem" "$rmem" "$@"
}

with_sockets_of() {
  bytes=$1
  shift
  env SOCKET_BUFFERS="$bytes" LD_PRELOAD="$build/test/machines/libsocket_buffers.so" "$@"
}

# shellcheck disable=SC3045 # dash and bash know -n
with_descriptors() {
  (
    ulimit -n "$1" || exit 99
    shift
    exec "$@"
  )
}

beside_busy_loops() {
  busy=''
  for _ in $(seq 1 "$(nproc)"); do
    sh -c 'while :; do :; done' &
    busy="$busy $!"
  done
  # shellcheck disable=SC2064 # these processes
  trap "kill $busy 2>/dev/null" EXIT
  result=0
  "$@" || result=$?
  # shellcheck disable=SC2086
  kill $busy
  trap - EXIT
  return "$result"
}

if with_tcp_buffers '4096 4096 4096' '4096 4096 4096' true 2>/dev/null; then
  suite 'smallest TCP buffers' with_tcp_buffers '4096 4096 4096' '4096 4096 4096'
  suite 'largest TCP buffers' with_tcp_buffers '4194304 16777216 67108864' '4194304 33554432 134217728'
else
  left_out 'TCP buffers'
fi
suite 'sockets that hold little' with_sockets_of 1
suite 'sockets that hold much' with_sockets_of 33554432
suite '256 descriptors' with_descriptors 256
if with_descriptors 1000000 true 2>/dev/null; then
  suite '1000000 descriptors' with_descriptors 1000000
else
  left_out '1000000 descriptors'
fi
suite 'one CPU' taskset -c 0
suite 'busy CPUs' beside_busy_loops
exit "$status"
