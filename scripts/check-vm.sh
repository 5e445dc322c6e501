#!/usr/bin/env bash
# Proves on real drivers what no veth can show: zero-copy, and the ways out where it is not to be had.
# Boots small virtual machines under emulation (no KVM needed; 512 MB, about a minute each, 180 s at
# most) with this build's grayxdp in them, sends numbered frames to their virtio cards from outside,
# and looks at every byte of what grayxdp captured. Their kernels are the newest that Debian has, for
# zero-copy, and Debian 12's own, with which its libxdp's dispatcher works.
# Needs the packages of `install-deps.sh vm`; root only for the tap device of the multi-queue check,
# which is skipped without. Where the kernel's packages cannot be had, all of it is skipped.
# Closes with "N passed, N failed, N skipped"; logs are in build/vm/logs/.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
bin=$(realpath "${1:-build/release}")
work=$(realpath -m build/vm)
mkdir -p "$work"

skip_all() {
  echo "check-vm: SKIPPED, zero-copy stays unproven on this machine: $1" >&2
  echo "0 passed, 0 failed, $("$here/vm/checks.py" --count) skipped"
  exit 0
}

for program in qemu-system-x86_64 busybox xdp-filter xdp-loader; do
  PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || skip_all "no $program: scripts/install-deps.sh vm"
done
[ -x "$bin/grayxdp" ] || { echo "check-vm: no $bin/grayxdp: run make first" >&2; exit 1; }
newest=$("$here/vm/fetch-kernel.sh" trixie-backports "$work/kernel") ||
  skip_all "no kernel for the virtual machine"
debian12=$("$here/vm/fetch-kernel.sh" bookworm "$work/debian12") || debian12=
for kernel in $newest $debian12; do
  PATH=$PATH:/usr/sbin "$here/vm/make-initramfs.sh" "$kernel/initramfs.gz" "$kernel" \
    "$bin/grayxdp" xdp-filter xdp-loader
done
exec "$here/vm/checks.py" "$work/logs" "$newest" "$debian12"
