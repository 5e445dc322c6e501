#!/usr/bin/env python3
"""What make check-vm proves, each check by a machine that really runs grayxdp: see check-vm.sh.

Usage: checks.py LOG_DIR NEWEST DEBIAN12. The latter two are folders with a vmlinuz and an
initramfs.gz; an empty name where there is no such kernel. Prints a line a check and closes with
"N passed, N failed, N skipped".
"""

import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import frames
from machine import Card, Failure, Machine

FULL = Card()
NO_DMA = Card("iommu_platform=off,queue_reset=on")
NO_RESET = Card("iommu_platform=on,queue_reset=off")
NEWEST = "trixie-backports"
DEBIAN12 = "bookworm"
TAP = "gxvm0"
BOOTS = 3
TAP_QUEUE_FRAMES = 30000
MANY = 20000
SOME = 4000
FLOWS = 64


class Skip(Exception):
    """A check that cannot be made here, and why."""


def now_ns(machine):
    return int(machine.must("date +%s").text()) * frames.NS


def expect(condition, text):
    if not condition:
        raise Failure(text)


def capture(machine, interface, count, extra, send, file="/tmp/x.pcapng", mode="tap"):
    """Captures `count` numbered frames that `send` sends; checks every byte and the ledger. Returns
    the summary, the announcement and the frames of each queue."""
    since = now_ns(machine)
    job = machine.start(
        f"grayxdp capture -i {interface} --mode {mode} {extra} --json -w {file} "
        f"-c {count} --duration 60s",
        "listening",
    )
    send(frames.frames(count, FLOWS))
    answer = job.wait()
    expect(answer.status == 0, f"capture ended with {answer.status}: {answer.err}")
    summary = json.loads(answer.out)
    expect(summary["balanced"] is True, f"the ledger is not balanced: {summary}")
    expect(summary["lost"] == 0, f"frames were lost: {summary}")
    expect(summary["frames"]["written"] == count, f"not {count} frames: {summary}")
    expect(summary["flows"]["seen"] == FLOWS, f"not {FLOWS} flows: {summary}")
    until = now_ns(machine) + frames.NS
    data = machine.must(f"cat {file}").out
    try:
        queues = frames.check(data, count, FLOWS, since, until)
    except ValueError as error:
        raise Failure(str(error)) from error
    return summary, answer.err, queues


def from_wire(machine, card):
    return lambda numbered: machine.wires[card].send(numbered, machine.deadline)


def zero_copy_receives(machine):
    summary, said, queues = capture(machine, "eth0", MANY, "--zero-copy on", from_wire(machine, 0))
    expect(summary["zero_copy"] is True, f"no zero-copy: {summary}")
    expect(summary["xdp"] == "native", f"not native: {summary}")
    expect("zero-copy" in said and "no zero-copy" not in said, said)
    expect(queues == {0: MANY}, f"frames by queue: {queues}")
    return f"{MANY} of {MANY} frames, byte for byte"


def zero_copy_is_the_default(machine):
    summary, said, _ = capture(machine, "eth0", SOME, "", from_wire(machine, 0))
    expect(summary["zero_copy"] is True, f"no zero-copy: {summary} {said}")
    return f"{SOME} of {SOME} frames"


def busy_poll_receives(machine):
    extra = "--zero-copy on --busy-poll"
    summary, _, _ = capture(machine, "eth0", SOME, extra, from_wire(machine, 0))
    expect(summary["zero_copy"] is True, f"no zero-copy: {summary}")
    return f"{SOME} of {SOME} frames"


def zero_copy_sends(machine):
    """What was received is sent again, byte for byte and in order."""
    file = "/tmp/sent.pcapng"
    capture(machine, "eth0", SOME, "--zero-copy on", from_wire(machine, 0), file)
    job = machine.start(f"grayxdp replay {file} -i eth0 -t --json", "")
    came = machine.wires[0].receive(SOME, 60)
    answer = job.wait()
    expect(answer.status == 0, f"replay ended with {answer.status}: {answer.err}")
    summary = json.loads(answer.out)
    expect(summary["zero_copy"] is True, f"no zero-copy: {summary} {answer.err}")
    expect(summary["frames"]["sent"] == SOME, f"not {SOME} frames: {summary}")
    expect(summary["balanced"] is True, f"the ledger is not balanced: {summary}")
    expect(len(came) == SOME, f"{len(came)} of {SOME} frames came out of the card")
    expect(came == frames.frames(SOME, FLOWS), "other bytes, or another order, than were captured")
    return f"{SOME} of {SOME} frames out of the card, in order"


def host_mode_without_tcx(machine):
    """A kernel before 6.6 has no TCX: clsact filters."""
    machine.must("ip link set eth0 promisc on")
    wire = from_wire(machine, 0)
    summary, _, _ = capture(machine, "eth0", SOME, "--proto udp", wire, mode="host")
    expect(summary["tc"] == "clsact", f"not by clsact: {summary}")
    return f"{SOME} of {SOME} frames by clsact"


def filter_counts(machine):
    """Frames that xdp-filter, libxdp's own program, has passed on."""
    text = machine.must("xdp-filter status").text()
    return sum(
        int(line.split()[1]) for line in text.splitlines() if line.split()[:1] == ["XDP_PASS"]
    )


def meet_another(machine):
    """Puts xdp-filter on the card, by libxdp's dispatcher; alone, ours will not take its place."""
    machine.must("ip link set eth0 promisc on")  # frames are for nobody; ours asks for it itself
    machine.must("xdp-filter load eth0 -p allow")
    refused = machine.run("grayxdp capture -i eth0 --mode tap")
    expect(refused.status == 2 and "--with-dispatcher" in refused.err, f"not said: {refused.err}")


def who_cannot_join_says_so(machine):
    """A kernel from 6.13 on wants a libxdp newer than Debian 12's; with one, ours joins."""
    meet_another(machine)
    tried = machine.run("grayxdp capture -i eth0 --mode tap --with-dispatcher --duration 1s")
    if tried.status != 0:
        expect("changes packet data" in tried.err, f"another reason: {tried.err}")
        expect(tried.status == 1 and len(tried.err.splitlines()) == 1, f"how: {tried.err}")
    expect_only_the_filter(machine, "after we were refused")
    machine.must("xdp-filter unload eth0")
    return tried.err.strip().splitlines()[0]


def others_share_the_interface(machine):
    """Another program is there by libxdp's dispatcher; ours joins, leaves, and is killed."""
    wire = from_wire(machine, 0)
    meet_another(machine)
    before = filter_counts(machine)
    summary, said, _ = capture(machine, "eth0", SOME, "--with-dispatcher", wire)
    expect(summary["dispatcher"] is True and summary["xdp"] == "native", f"how: {summary} {said}")
    expect(filter_counts(machine) - before == SOME, "the other program did not see every frame")
    expect_only_the_filter(machine, "after we left")

    job = machine.start("grayxdp capture -i eth0 --mode tap --with-dispatcher", "listening")
    expect("tap_ingress" in machine.must("xdp-loader status eth0").text(), "ours is not listed")
    job.kill("KILL")
    job.wait()
    expect_only_the_filter(machine, "after we were killed")

    before = filter_counts(machine)
    wire(frames.frames(100, FLOWS))
    for _ in range(100):
        if filter_counts(machine) - before == 100:
            break
    expect(filter_counts(machine) - before == 100, "the other program sees no frames after us")
    machine.must("xdp-filter unload eth0")
    return f"both saw {SOME} of {SOME} frames; the other one stayed"


def expect_only_the_filter(machine, when):
    for _ in range(50):
        status = machine.must("xdp-loader status eth0").text()
        if "tap_ingress" not in status:
            break
    expect("tap_ingress" not in status, f"ours is still there {when}: {status}")
    expect("xdpfilt" in status, f"the other program is gone {when}: {status}")


def falls_back(machine, card, reason):
    """Where zero-copy cannot be: auto copies and says why, on says why and ends."""
    interface = f"eth{card}"
    summary, said, _ = capture(machine, interface, SOME, "", from_wire(machine, card))
    expect(summary["zero_copy"] is False, f"zero-copy after all: {summary}")
    expect(f"copy (no zero-copy: {reason}" in said, f"the reason is not said: {said}")
    refused = machine.run(f"grayxdp capture -i {interface} --mode tap --zero-copy on")
    lines = refused.err.splitlines()
    expect(refused.status == 1, f"--zero-copy on ended with {refused.status}: {refused.err}")
    expect(len(lines) == 1 and reason in lines[0], f"not one line with the reason: {refused.err}")
    return f"{SOME} of {SOME} frames in copy mode: {reason}"


def without_dma_it_copies(machine):
    return falls_back(machine, 0, "Invalid argument")


def without_queue_reset_it_copies(machine):
    return falls_back(machine, 1, "No such file or directory")


def own_namespace():
    """A network namespace without a name, gone with this process and what it started."""
    CLONE_NEWNET = 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise Skip(f"no network namespace of our own: {os.strerror(ctypes.get_errno())}; needs root")
    nothing_else = pathlib.Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
    if nothing_else.exists():
        nothing_else.write_text("1")


def add_tap(name):
    """A tap device with several queues; all frames of a check find room in them, however slow the
    machine is."""
    for command in (
        ["tuntap", "add", "dev", name, "mode", "tap", "multi_queue"],
        ["link", "set", name, "txqueuelen", str(TAP_QUEUE_FRAMES)],
        ["link", "set", name, "up"],
    ):
        made = subprocess.run(["ip", *command], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Skip(f"no tap device: {made.stderr.strip()}; needs root")


def from_tap(name):
    def send(numbered):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
            sock.bind((name, 0))
            for frame in numbered:
                sock.send(frame)

    return send


def every_queue_receives(machine):
    summary, said, queues = capture(machine, "eth0", MANY, "--zero-copy on", from_tap(TAP))
    expect(summary["zero_copy"] is True, f"no zero-copy: {summary}")
    expect("2 queues" in said, said)
    expect(sum(queues.values()) == MANY and len(queues) == 2, f"frames by queue: {queues}")
    return f"{MANY} of {MANY} frames, by queue: {queues}"


def tap_machine():
    own_namespace()
    add_tap(TAP)
    return [Card(tap=TAP, queues=2)]


# Each machine: its kernel, its cards, and the checks that it runs.
MACHINES = {
    "zero-copy": (
        NEWEST,
        lambda: [FULL],
        [
            zero_copy_receives,
            zero_copy_is_the_default,
            zero_copy_sends,
            busy_poll_receives,
            who_cannot_join_says_so,
        ],
    ),
    "debian 12": (
        DEBIAN12,
        lambda: [FULL],
        [host_mode_without_tcx, others_share_the_interface],
    ),
    "fallback": (
        NEWEST,
        lambda: [NO_DMA, NO_RESET],
        [without_dma_it_copies, without_queue_reset_it_copies],
    ),
    "tap": (NEWEST, tap_machine, [every_queue_receives]),
}


class Results:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0

    def tell(self, verdict, check, text, since):
        name = check.__name__.replace("_", " ")
        print(f"{verdict:7} {name}: {text} ({time.monotonic() - since:.1f} s)", flush=True)

    def run(self, check, *arguments):
        since = time.monotonic()
        try:
            self.tell("ok", check, check(*arguments), since)
            self.passed += 1
        except Skip as reason:
            self.tell("SKIPPED", check, reason, since)
            self.skipped += 1
        except (Failure, ValueError, KeyError, OSError) as error:
            self.tell("FAILED", check, error, since)
            self.failed += 1


def boot(kernel, cards, log):
    """A machine that is ready. Under emulation a kernel panics now and then while it boots, before
    anything of ours runs: then once more."""
    for boots_left in reversed(range(BOOTS)):
        machine = Machine(f"{kernel}/vmlinuz", f"{kernel}/initramfs.gz", cards(), str(log))
        try:
            machine.wait_until_ready()
            return machine
        except Failure:
            if not boots_left or b"Kernel panic" not in log.read_bytes():
                raise
            print(f"a kernel panicked while it booted, see {log}.panic: once more", flush=True)
            log.rename(f"{log}.panic")
    raise AssertionError


def run_machine(name, kernels, logs, results):
    kernel, cards, checks = MACHINES[name]
    since = time.monotonic()
    left = list(checks)
    try:
        folder = kernels[kernel]
        if not folder:
            raise Skip(f"no kernel of {kernel}")
        with boot(folder, cards, logs / f"{name}.log") as machine:
            up = time.monotonic() - since
            version = machine.must("uname -r").text().strip()
            print(f"machine {name}: Linux {version}, up after {up:.1f} s", flush=True)
            while left:
                results.run(left.pop(0), machine)
    except Skip as reason:
        for check in left:
            results.run(refuse(check, Skip(str(reason))))
    except (Failure, OSError) as error:
        for check in left:
            results.run(refuse(check, Failure(str(error))))


def refuse(check, error):
    def refused():
        raise error

    refused.__name__ = check.__name__
    return refused


def main():
    if sys.argv[1:] == ["--count"]:
        print(sum(len(checks) for *_, checks in MACHINES.values()))
        return 0
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    logs, newest, debian12 = sys.argv[1:]
    pathlib.Path(logs).mkdir(parents=True, exist_ok=True)
    # Killing us is an exception: machines end with us either way.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    results = Results()
    for name in MACHINES:
        run_machine(name, {NEWEST: newest, DEBIAN12: debian12}, pathlib.Path(logs), results)
    print(f"{results.passed} passed, {results.failed} failed, {results.skipped} skipped")
    return 1 if results.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
