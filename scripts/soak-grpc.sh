#!/usr/bin/env bash
# gRPC's own client and server talk over one connection, all four kinds of calls, while a capture that
# began in the middle runs; then each call that the client logged must be listed, with the bytes of
# its messages, and what the capture cannot know must be marked. The lab cleans up after itself.
#
#   scripts/soak-grpc.sh [SECONDS] [BUILD_FOLDER]     default: 600 build/release; as root
set -euo pipefail

seconds=${1:-600}
build=${2:-build/release}
test=$build/test/tools_grayxdp_root_test
[ "$(id -u)" -eq 0 ] || { echo "soak-grpc: needs root for network namespaces" >&2; exit 1; }
[ -x "$test" ] || { echo "soak-grpc: no $test: run make tests first" >&2; exit 1; }

GRAYXDP_GRPC_SECONDS=$seconds exec "$test" \
  --gtest_filter=Grpc.ACaptureThatBeginsInTheMiddleOfALongConnection
