#!/usr/bin/env bash
# Packs what runs in the virtual machine of scripts/check-vm.sh into an initramfs: busybox, the kernel
# modules, and programs with the libraries that they were linked with here.
set -euo pipefail

[ $# -ge 3 ] || { echo "usage: $0 OUT KERNEL_DIR PROGRAM..." >&2; exit 2; }
out=$(realpath -m "$1") kernel=$(realpath "$2")
shift 2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

mkdir -p "$root"/{bin,lib/modules,lib64}
cp "$(dirname "$0")/init" "$root/init"
chmod 0755 "$root/init"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$kernel"/*.ko "$root/lib/modules/"
for program in "$@"; do
  path=$(command -v "$program")
  strip -o "$root/bin/$(basename "$program")" "$path" 2>/dev/null || cp "$path" "$root/bin/"
  ldd "$path" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | xargs -r cp -Lun -t "$root/lib"
done
cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
# libxdp's dispatcher, and the objects of xdp-tools.
objects=/usr/lib/$(uname -m)-linux-gnu/bpf
if [ -d "$objects" ]; then
  mkdir -p "$root$objects"
  cp "$objects"/xdp-dispatcher.o "$objects"/xdpfilt_*.o "$root$objects/" 2>/dev/null || true
fi
(cd "$root" && find . -print0 | busybox cpio -0 -o -H newc 2>/dev/null | gzip -1) >"$out.part"
mv "$out.part" "$out"
