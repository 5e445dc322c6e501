#!/usr/bin/env bash
# Fetches the newest cloud kernel of a suite of Debian's (bookworm, trixie-backports) and unpacks it
# into DIR/VERSION; prints that path. Installs nothing and leaves the machine's apt alone: it asks
# the machine's own Debian mirror, with lists and caches of its own, signed by the archive keyring
# that Debian ships. Needs apt, dpkg-deb and xz; no root.
# What is there already is used when the mirror does not answer. Exit code 3: no kernel to be had.
set -euo pipefail

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ $# -eq 2 ] || { echo "usage: $0 SUITE DIR" >&2; exit 2; }
suite=$1
mkdir -p "$2"
dir=$(realpath "$2")

unavailable() {
  local kept
  kept=$(find "$dir" -mindepth 2 -maxdepth 2 -name vmlinuz -printf '%h\n' | sort -V | tail -n 1)
  if [ -n "$kept" ]; then
    echo "fetch-kernel: $*; using what was fetched before" >&2
    echo "$kept"
    exit 0
  fi
  echo "fetch-kernel: $*" >&2
  exit 3
}

# Both formats of the machine's sources: deb822 ("URIs: …") and one line each ("deb … URI suite …").
mirror() {
  local uris
  uris=$(
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs: *\([^ ]*\).*/\1/p'
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
      sed -n 's/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*/\2/p'
  )
  grep -m 1 -E '/debian/?$' <<<"$uris"
}

apt_alone() { # apt_alone COMMAND ARGUMENT…
  "$1" -qq -o Dir::Etc::SourceList="$dir/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$dir/apt/lists" -o Dir::State::Status=/dev/null \
    -o Dir::Cache="$dir/apt/cache" -o Acquire::Languages=none -o Acquire::Retries=2 \
    -o APT::Sandbox::User="$(id -un)" "${@:2}"
}

[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || unavailable "this is not Debian on amd64"
[ -r "$keyring" ] || unavailable "no $keyring"
uri=$(mirror) || unavailable "no Debian mirror in /etc/apt/sources.list*"
mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
echo "deb [signed-by=$keyring] $uri $suite main" >"$dir/apt/sources.list"
LC_ALL=C apt_alone apt-get update >&2 || unavailable "the mirror has no $suite"

# linux-image-cloud-amd64 depends on linux-image-VERSION-cloud-amd64, the newest one.
version=$(LC_ALL=C apt_alone apt-cache depends linux-image-cloud-amd64 |
  sed -n 's/^ *Depends: linux-image-\([0-9].*\)$/\1/p' | sort -V | tail -n 1)
[ -n "$version" ] || unavailable "no linux-image-cloud-amd64 in $suite"

if [ ! -e "$dir/$version/vmlinuz" ]; then
  fresh=$(mktemp -d "$dir/fetch-XXXXXX")
  trap 'rm -rf "$fresh"' EXIT
  # One package up to Debian 12; later the image is only a name for two.
  packages=("linux-image-$version")
  ! LC_ALL=C apt_alone apt-cache show "linux-binary-$version" >/dev/null 2>&1 ||
    packages=("linux-binary-$version" "linux-modules-$version")
  (cd "$fresh" && apt_alone apt-get download "${packages[@]}" >&2) ||
    unavailable "could not download ${packages[*]}"
  for package in "$fresh"/*.deb; do dpkg-deb -x "$package" "$fresh/root"; done
  mkdir -p "$fresh/kernel"
  find "$fresh/root" -name vmlinuz\* -exec cp {} "$fresh/kernel/vmlinuz" \;
  # The card, the command channel and what they stand on, and clsact, as far as the kernel has them
  # as modules.
  for module in virtio{,_ring,_pci_modern_dev,_pci_legacy_dev,_pci,_console,_net} {net_,}failover \
    sch_ingress cls_bpf; do
    find "$fresh/root" -name "$module.ko" -exec cp {} "$fresh/kernel/" \;
    find "$fresh/root" -name "$module.ko.xz" -exec cp {} "$fresh/kernel/" \;
  done
  find "$fresh/kernel" -name '*.xz' -exec xz -d {} +
  for part in vmlinuz virtio_net.ko; do
    [ -s "$fresh/kernel/$part" ] || unavailable "no $part in the packages of $version"
  done
  rm -rf "${dir:?}/$version"
  mv "$fresh/kernel" "$dir/$version"
fi
echo "$dir/$version"
