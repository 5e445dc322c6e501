#!/usr/bin/env bash
# Installs the Debian packages that building, testing and the demo need, and with `vm` or `bench` as
# argument those of make check-vm or of scripts/bench-*: the one place that names them. Does nothing,
# quietly, when all are there; run again at any time.
set -euo pipefail

build=(
  g++ make clang libclang-rt-14-dev pkg-config bpftool linux-libc-dev
  libbpf-dev libxdp-dev libpcap-dev libboost-dev libgtest-dev libssl-dev libjemalloc-dev
  libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libfmt-dev libre2-dev node-llhttp
  libzstd-dev zlib1g-dev libbrotli-dev libnghttp2-dev libprotobuf-dev libprotoc-dev
  protobuf-compiler libtins-dev libgrpc++-dev protobuf-compiler-grpc
)
# What the lab tests and the demo run beside grayxdp: production, its users, and the second opinions.
lab=(
  netbase iproute2 iputils-ping procps util-linux curl jq wrk nginx-light libnginx-mod-http-echo
  tcpdump tshark ethtool python3 nghttp2-client nghttp2-server nghttp2-proxy
  openssl chromium
)

# A kernel of its own, under emulation, and another user of XDP to share an interface with.
vm=(qemu-system-x86 busybox-static xz-utils xdp-tools)
# The tools that grayxdp is measured against.
bench=(tcpreplay netsniff-ng xdp-tools time linux-perf)

wanted=("${build[@]}" "${lab[@]}")
for group in "$@"; do
  case $group in
    vm) wanted+=("${vm[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    *) echo "usage: $0 [vm] [bench]" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
    missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ ! -e /etc/debian_version ] || ! command -v apt-get >/dev/null; then
  echo "install-deps: this is not Debian; install the like of: ${missing[*]}" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "install-deps: not root; run: sudo apt-get install -y ${missing[*]}" >&2
  exit 1
fi

# nginx is a program for the lab here, not a service of this machine: nothing may start on install.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 0755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi

echo "install-deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "install-deps: apt-get could not install ${missing[*]} (whole log: $log)" >&2
  exit 1
fi
rm -f "$log"
