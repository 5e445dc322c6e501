#!/usr/bin/env bash
# Runs GoogleTest programs one after the other and closes with one line for all of them:
# "N passed, N failed, N skipped". A program that dies counts as a failure; in CI (CI=true) so does
# a skipped test, because there everything that a test needs is to be had.
set -uo pipefail

[ $# -gt 0 ] || { echo "usage: $0 TEST_PROGRAM..." >&2; exit 2; }
passed=0 failed=0 skipped=0

# Real captures are no part of the project; the tests over them are for who has some.
if [ -z "${GRAYXDP_CORPUS:-}" ]; then
  echo "GRAYXDP_CORPUS names no folder: tests over a corpus of captures are LEFT OUT" >&2
  export GTEST_FILTER=${GTEST_FILTER:-*}:-*Corpus*
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT

number() { sed -n "$1" "$log" | tail -n 1; }

for program in "$@"; do
  start=$(date +%s)
  timeout --kill-after=10 "${TEST_TIMEOUT:-900}" "$program" --gtest_brief=1 >"$log" 2>&1
  status=$?
  ran=$(number 's/^\[==========\] \([0-9]*\) test.* ran\..*/\1/p')
  ok=$(number 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p')
  skips=$(number 's/^\[  SKIPPED \] \([0-9]*\) test.*/\1/p')
  bad=$(grep -c '^\[  FAILED  \] [^ ]*\.' "$log")
  skips=${skips:-0}
  if [ -z "${ran:-}" ]; then
    bad=1 ok=0
    echo "$program: died with status $status" >>"$log"
  elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    bad=1
  fi
  ok=${ok:-0}
  printf '%-40s %4d passed %3d failed %3d skipped %4d s\n' "$(basename "$program")" "$ok" "$bad" \
    "$skips" $(($(date +%s) - start))
  if [ "$bad" -gt 0 ] || [ "$skips" -gt 0 ]; then cat "$log"; fi
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skips))
done

verdict=0
[ "$failed" -eq 0 ] || verdict=1
if [ "${CI:-}" = true ] && [ "$skipped" -gt 0 ]; then
  echo "skipped tests are failures in CI" >&2
  verdict=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
exit $verdict
