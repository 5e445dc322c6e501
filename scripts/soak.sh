#!/usr/bin/env bash
# A soak of both capture modes, side by side, over veth pairs in namespaces of its own: traffic runs
# all the time while the filter, the sample, the MTU, the number of queues and the link change, the
# captures are paused (SIGSTOP) for 5 seconds, and the disk fills up. Each capture is ended and
# begun anew about once a minute. Fails when a grayxdp crashes, a ledger does not balance, or
# anything is left attached.
#
#   scripts/soak.sh [SECONDS] [BUILD_FOLDER]     default: 600 build/release; as root
set -euo pipefail

seconds=${1:-600}
build=$(realpath "${2:-build/release}")
segment=60
[ "$(id -u)" -eq 0 ] || { echo "soak: needs root for network namespaces" >&2; exit 1; }
[ -x "$build/grayxdp" ] || { echo "soak: no $build/grayxdp: run make first" >&2; exit 1; }

tag=gxsoak$$
users=$tag-u prod=$tag-p
work=$(mktemp -d)
disk=$work/disk
RANDOM=4711 # the same sequence of events each time

cleanup() {
  trap - EXIT INT TERM
  touch "$work/over" 2>/dev/null || true
  for ns in "$users" "$prod"; do
    ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns del "$ns" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  umount "$disk" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

in_users() { nsenter --net="/run/netns/$users" "$@"; }
in_prod() { nsenter --net="/run/netns/$prod" "$@"; }
note() { printf '%4d s  %s\n' "$SECONDS" "$*"; }
fail() { echo "soak: FAILED: $*" >&2; exit 1; }

# --- the lab: ua:pa is tapped and carries generated frames, ub:pb is production's and carries HTTP

for ns in "$users" "$prod"; do
  ip netns add "$ns"
  ip -n "$ns" link set lo up
  nsenter --net="/run/netns/$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
    net.ipv6.conf.default.disable_ipv6=1
done
for pair in a b; do
  ip link add u$pair netns "$users" numrxqueues 4 numtxqueues 4 type veth \
    peer name p$pair netns "$prod" numrxqueues 4 numtxqueues 4
  in_users ethtool -L u$pair rx 2 tx 2
  in_prod ethtool -L p$pair rx 2 tx 2
  ip -n "$users" link set u$pair up
  ip -n "$prod" link set p$pair up
done
ip -n "$users" addr add 10.78.0.1/24 dev ub
ip -n "$prod" addr add 10.78.0.2/24 dev pb
mkdir "$disk"
mount -t tmpfs -o size=96m none "$disk"

# --- traffic, until $work/over exists

generate() {
  while [ ! -e "$work/over" ]; do
    in_users "$build/pktgen" -i ua --count 1000000 --rate 60kpps --size 400 --flows 500 \
      >/dev/null 2>&1 || sleep 0.2
  done
}
browse() {
  while [ ! -e "$work/over" ]; do
    in_users wrk -t1 -c4 -d3 http://10.78.0.2/big >/dev/null 2>&1 || sleep 0.2
    sleep 1
  done
}
mkdir -p "$work/www"
head -c 60000 /dev/urandom >"$work/www/big"
cat >"$work/nginx.conf" <<CONF
user root; worker_processes 1; daemon off; pid $work/nginx.pid; error_log $work/error.log;
events { worker_connections 256; }
http {
  access_log off; keepalive_requests 100000;
  server { listen 10.78.0.2:80; root $work/www; }
}
CONF
in_prod nginx -e "$work/error.log" -c "$work/nginx.conf" &
generate &
browse &

# --- one capture of each mode

declare -A pid
start() { # start MODE INTERFACE
  echo "$(filter_now)" >"$work/$1.filter"
  echo "100%" >"$work/$1.sample"
  # No function: $! has to be the command itself.
  nsenter --net="/run/netns/$prod" "$build/grayxdp" capture -i "$2" --mode "$1" -F "$work/$1.filter" \
    --sample "@$work/$1.sample" --json -w "$disk/$1.pcapng" -C 8 -W 3 \
    >"$work/$1.json" 2>"$work/$1.err" &
  pid[$1]=$!
  local _
  for _ in $(seq 100); do
    grep -q listening "$work/$1.err" && return
    kill -0 "${pid[$1]}" 2>/dev/null || break
    sleep 0.1
  done
  fail "$1 did not start: $(cat "$work/$1.err")"
}

captures=0 written=0 lost=0
judge() { # judge MODE EXPECTED_STATUS: after its end
  local status=0
  wait "${pid[$1]}" || status=$?
  [ "$status" -eq "$2" ] || fail "$1 ended with $status, not $2: $(tail -n 3 "$work/$1.err")"
  jq -e .balanced "$work/$1.json" >/dev/null ||
    fail "$1: the ledger does not balance: $(cat "$work/$1.json")"
  captures=$((captures + 1))
  written=$((written + $(jq .frames.written "$work/$1.json")))
  lost=$((lost + $(jq .lost "$work/$1.json")))
  note "$1 ended: $(jq -c '[.frames, .lost]' "$work/$1.json")"
}

stop_both() {
  for mode in tap host; do kill -INT "${pid[$mode]}"; done
  for mode in tap host; do judge "$mode" 0; done
}

# --- what happens to them

filters=('' 'udp' 'tcp or udp' 'udp port 5001 or tcp port 80' 'net 10.0.0.0/8' 'greater 100'
  'not tcp[13] & 4 != 0' 'ip[8] > 1 and (tcp or udp)')
filter_now() { echo "${filters[RANDOM % ${#filters[@]}]}"; }

event() {
  local mode=tap device=a
  if ((RANDOM % 2)); then mode=host device=b; fi
  case $((RANDOM % 7)) in
    0 | 1)
      filter_now >"$work/$mode.filter"
      kill -HUP "${pid[$mode]}"
      note "$mode: filter '$(cat "$work/$mode.filter")'"
      ;;
    2)
      echo "$((RANDOM % 99 + 1))%" >"$work/$mode.sample"
      kill -HUP "${pid[$mode]}"
      note "$mode: sample $(cat "$work/$mode.sample")"
      ;;
    3)
      ip -n "$prod" link set p$device down
      sleep 1
      ip -n "$prod" link set p$device up
      note "$mode: link down and up"
      ;;
    4)
      local mtu=$((1200 + RANDOM % 4 * 100))
      ip -n "$prod" link set p$device mtu "$mtu" 2>/dev/null || mtu=refused
      note "$mode: MTU $mtu"
      ;;
    5)
      local queues=$((1 + RANDOM % 4))
      in_prod ethtool -L p$device rx $queues tx $queues 2>/dev/null || queues=refused
      note "$mode: queues $queues"
      ;;
    6)
      kill -STOP "${pid[$mode]}"
      sleep 5
      kill -CONT "${pid[$mode]}"
      note "$mode: stopped for 5 s"
      ;;
  esac
  for mode in tap host; do
    kill -0 "${pid[$mode]}" 2>/dev/null || fail "$mode died: $(tail -n 3 "$work/$mode.err")"
  done
}

fill_disk() { # both must end by themselves, saying what is safe
  note "the disk is filled up"
  echo >"$work/tap.filter" && echo >"$work/host.filter"
  kill -HUP "${pid[@]}"
  fallocate -l 95M "$disk/filler" 2>/dev/null || head -c 96M /dev/zero >"$disk/filler" 2>/dev/null || true
  for mode in tap host; do
    judge "$mode" 1
    grep -q 'No space left.*frames are safe' "$work/$mode.err" ||
      fail "$mode did not say what is safe: $(tail -n 1 "$work/$mode.err")"
  done
  rm -f "$disk"/*
}

while ((SECONDS < seconds)); do
  start tap pa
  start host pb
  until=$((SECONDS + segment))
  while ((SECONDS < until && SECONDS < seconds)); do
    sleep 2
    event
  done
  if ((captures == 2)); then fill_disk; else stop_both; fi
done

# --- nothing may be left

ip -n "$prod" -d link show | grep -E 'xdp|prog/' && fail "an XDP program is left attached"
in_prod tc qdisc show | grep clsact && fail "a clsact qdisc is left"
left=$(bpftool prog show | grep -cE 'name (tap|host)_' || true)
note "$captures captures, $written frames written, $lost lost and named, nothing left attached"
if [ "$left" -gt 0 ]; then note "note: $left tap/host programs run on this machine (another grayxdp?)"; fi
echo "soak: passed"
