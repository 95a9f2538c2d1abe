#!/bin/sh
# Runs programs that know nothing of netmap in user space, with the library preloaded: the tools
# of bench/netmap over a pipe, a VALE switch, and a pair of interfaces where that may be made.
# Arguments: the directory with the library and audit tool, and that with the bench tools.
set -eu
library_dir=$(cd "$1" && pwd)
tools_dir=$(cd "$2" && pwd)
work=$(mktemp -d)
export NETMAP_USERSPACE_DIR="$work/run"
namespace=netmap-userspace-$$
trap 'rm -rf "$work"; ip netns del "$namespace" 2>/dev/null || true' EXIT

preloaded() { env LD_PRELOAD="$library_dir/libnetmap-userspace.so" "$@"; }

field() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$2"; }

# name, generator's link, receiver's link, packets, rate, words before the tools
between() {
  name=$1 from=$2 to=$3 packets=$4 rate=$5
  shift 5
  rm -f "$work/ready"
  mkfifo "$work/ready"
  preloaded "$@" "$tools_dir/netmap-receive" -i "$to" -q 1 -t 20 > "$work/received" 2> "$work/ready" &
  receiver=$!
  read -r said < "$work/ready" || said=nothing
  if [ "$said" != ready ]; then
    echo "FAILED   $name: the receiver says $said"
    exit 1
  fi
  preloaded "$@" "$tools_dir/netmap-generate" -i "$from" -n "$packets" -r "$rate" -f 100 > "$work/sent"
  wait "$receiver"
  for what in received=$packets gaps=0 reordered=0 duplicated=0; do
    if [ "$(field "${what%=*}" "$work/received")" != "${what#*=}" ]; then
      echo "FAILED   $name: $what expected"
      cat "$work/sent" "$work/received"
      exit 1
    fi
  done
  "$library_dir/netmap-userspace-audit" > "$work/audit" || { echo "FAILED   $name: audit"; cat "$work/audit"; exit 1; }
  echo "ok       $name ($(field packets_per_second "$work/received") packets/s)"
}

between pipe 'netmap:device{1' 'device}1' 1000000 0
# Slowly, and no more than a ring has room for: a switch drops what a reader who waits for its CPU has no room for.
between vale vale0:a netmap:vale0:b 1000 10000
if ip netns add "$namespace" 2>/dev/null &&
  ip -n "$namespace" link add nmua type veth peer name nmub 2>/dev/null; then
  for interface in nmua nmub; do
    ip -n "$namespace" link set "$interface" addrgenmode none
    ip -n "$namespace" link set "$interface" up
  done
  between interfaces nmua netmap:nmub 50000 50000 ip netns exec "$namespace"
else
  echo "skipped  interfaces (needs the right to make network namespaces)"
fi
