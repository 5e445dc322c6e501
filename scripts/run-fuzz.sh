#!/usr/bin/env bash
# Runs libFuzzer targets for SECONDS each, JOBS (2) at a time, from their seeds in
# build/fuzz/seeds/TARGET and what earlier runs found in build/fuzz/corpus/TARGET. Memory and time
# of every input are bounded: 512 MB, 5 s. An input that breaks something stays in
# build/fuzz/crashes. Closes with "N passed, N failed".
set -uo pipefail

[ $# -gt 1 ] || { echo "usage: $0 SECONDS TARGET..." >&2; exit 2; }
seconds=$1
shift
here=build/fuzz
mkdir -p $here/crashes $here/log
# What AddressSanitizer keeps of freed memory (256 MB unless told) counts as the target's.
export ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=32}

one() {
  local target=$1 name
  name=$(basename "$target")
  mkdir -p "$here/corpus/$name" "$here/seeds/$name"
  "$target" -max_total_time="$seconds" -rss_limit_mb=512 -timeout=5 -max_len=16384 \
    -print_final_stats=1 -artifact_prefix="$here/crashes/$name-" \
    "$here/corpus/$name" "$here/seeds/$name" >"$here/log/$name" 2>&1
}

verdict() {
  local name log status=$2
  name=$(basename "$1") log=$here/log/$(basename "$1")
  number() { sed -n "s/^stat::$1: *//p" "$log"; }
  if [ "$status" -eq 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    tail -n 40 "$log"
  fi
  printf '%-48s %s %11s runs %7s a second %4s MB\n' "$name" \
    "$([ "$status" -eq 0 ] && echo passed || echo FAILED)" "$(number number_of_executed_units)" \
    "$(number average_exec_per_sec)" "$(number peak_rss_mb)"
}

passed=0 failed=0
declare -A running=()
reap() {
  local pid status
  wait -n -p pid "${!running[@]}"
  status=$?
  verdict "${running[$pid]}" $status
  unset "running[$pid]"
}
for target in "$@"; do
  [ ${#running[@]} -lt "${JOBS:-2}" ] || reap
  one "$target" &
  running[$!]=$target
done
while [ ${#running[@]} -gt 0 ]; do reap; done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
