#!/usr/bin/env python3
"""Rewrites all captures of a folder with several sets of rules and lets tshark judge the result.

The captures are joined into one file first. For each set: as many frames come out as went in, at the
same times and lengths, and no checksum that tshark found good before is bad afterwards (IPv4, TCP,
UDP, SCTP, ICMP, ICMPv6, in tunnels too). Rules that are their own inverse, used twice, and a VLAN tag
added and deleted give the same bytes. Cut for a small MTU, every TCP stream keeps its bytes.

Prints a line for each set, and the frames that fail; exits 1 when there is one. Needs tshark,
mergecap and capinfos.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

SUMS = ["ip", "tcp", "udp", "sctp", "icmp", "icmpv6"]
PREFERENCES = ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE",
               "sctp.checksum:CRC32C", "frame.generate_md5_hash:TRUE"]
GOOD, BAD, ILLEGAL = "1", "0", "4"

# Each half of the address space becomes the other: nothing falls together, and twice is once.
SWAP = "0.0.0.0/1:128.0.0.0/1,128.0.0.0/1:0.0.0.0/1,[::/1]:[8000::/1],[8000::/1]:[::/1]"
PORTS = "80:8080,8080:80,443:8443,8443:443"
TAG = ["--enet-vlan", "add", "--enet-vlan-tag", "9", "--enet-vlan-pri", "3"]

RULES = {
    "maps": ["--pnat", SWAP],
    "maps, inner": ["--pnat", SWAP, "--inner"],
    "maps by side": ["--pnat", SWAP, "--pnat", SWAP],
    "sources": ["--srcipmap", SWAP],
    "destinations": ["--dstipmap", SWAP],
    "ports": ["--portmap", PORTS],
    "ports, inner": ["--portmap", PORTS, "--inner"],
    "seed": ["--seed", "42"],
    "hops": ["--ttl", "-3", "--tos", "184", "--tclass", "9", "--flowlabel", "74565", "--inner"],
    "tag added": TAG,
    "tag deleted": ["--enet-vlan", "del"],
    "computed": ["--fixcsum", "--enet-smac", "02:00:00:00:00:01,02:00:00:00:00:02"],
    "all": ["--seed", "7", "--inner", "--portmap", PORTS, "--ttl", "+9", "--fixcsum",
            "--enet-vlan", "add", "--enet-vlan-tag", "9", "--enet-vlan-proto", "802.1ad"],
}
ROUND_TRIPS = {
    "maps twice": (["--pnat", SWAP], ["--pnat", SWAP]),
    "maps, inner, twice": (["--pnat", SWAP, "--inner"], ["--pnat", SWAP, "--inner"]),
    "ports twice": (["--portmap", PORTS, "--inner"], ["--portmap", PORTS, "--inner"]),
    "tag added, deleted": (TAG, ["--enet-vlan", "del"]),
}

Frame = collections.namedtuple("Frame", "time length md5 sums stream tcp_bytes")


def tshark(path):
    fields = ["frame.time_epoch", "frame.len", "frame.md5_hash", "tcp.stream", "tcp.len"] + [f"{s}.checksum.status" for s in SUMS]
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=|"]
    for preference in PREFERENCES:
        command += ["-o", preference]
    for field in fields:
        command += ["-e", field]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    frames = []
    for line in run.stdout.splitlines():
        cells = line.split("|")
        sums = {s: cells[5 + i].split(",") for i, s in enumerate(SUMS)}
        frames.append(Frame(cells[0], int(cells[1]), cells[2], sums, cells[3], cells[4]))
    return frames


def grayxdp(binary, source, target, rules):
    run = subprocess.run([binary, "rewrite", str(source), str(target), "--json", *rules],
                         capture_output=True, text=True, timeout=120, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{source.name} {' '.join(rules)}: exit {run.returncode}: {run.stderr.strip()}")
    return json.loads(run.stdout)


def bad(frame, protocol):
    return sum(status in (BAD, ILLEGAL) for status in frame.sums[protocol])


class Report:
    """Counts of one set of rules, and what failed. A frame is named by its own file."""

    def __init__(self, names):
        self.names = names
        self.counts = collections.Counter()
        self.failures = []

    def fail(self, text, number=None):
        """`number` counts the joined file's frames from 0."""
        self.failures.append(text if number is None else f"{self.names[number]}: {text}")

    def show(self, title):
        counts = self.counts
        print(f"  {title:20} {counts['frames']:7} frames, {counts['changed']:7} changed, "
              f"{counts['refused']:4} refused, {counts['good sums']:7} good checksums, "
              f"{len(self.failures)} failures", flush=True)
        for text in self.failures[:20]:
            print(f"    {text}")
        return len(self.failures)


def join(folder, target):
    """All captures in one file; gives the name of each of its frames."""
    files = sorted(str(f) for f in folder.iterdir() if f.suffix in (".pcap", ".pcapng", ".cap"))
    if not files:
        sys.exit(f"no captures in {folder}")
    subprocess.run(["mergecap", "-a", "-I", "none", "-F", "pcapng", "-w", str(target), *files], check=True)
    table = subprocess.run(["capinfos", "-T", "-c", "-M", "-r", *files], capture_output=True, text=True,
                           check=True).stdout
    names = []
    for line in table.splitlines():
        path, count = line.rsplit("\t", 1)
        names += [f"{pathlib.Path(path).name} frame {i + 1}" for i in range(int(count))]
    print(f"{len(files)} files")
    return names


def compare(before, after, report, grows):
    if len(before) != len(after):
        report.fail(f"{len(before)} frames became {len(after)}")
        return
    for number, (old, new) in enumerate(zip(before, after)):
        report.counts["frames"] += 1
        report.counts["changed"] += old.md5 != new.md5
        if old.time != new.time:
            report.fail(f"time {old.time} became {new.time}", number)
        if abs(new.length - old.length) not in grows:
            report.fail(f"{old.length} bytes became {new.length}", number)
        for protocol in SUMS:
            report.counts["good sums"] += new.sums[protocol].count(GOOD)
            if bad(new, protocol) > bad(old, protocol):
                report.fail(f"{protocol} checksum is bad now", number)


def tcp_bytes(frames):
    streams = collections.Counter()
    for frame in frames:
        if frame.stream and "," not in frame.stream and frame.tcp_bytes:
            streams[frame.stream] += int(frame.tcp_bytes)
    return streams


class Check:
    def __init__(self, binary, scratch, source, names):
        self.binary, self.source, self.names = binary, source, names
        self.out, self.back = scratch / "out.pcapng", scratch / "back.pcapng"
        self.before = tshark(source)

    def rewrite(self, rules, report, source=None, target=None):
        # Kept, so that frames can be compared one by one; by default an address rule drops them.
        summary = grayxdp(self.binary, source or self.source, target or self.out,
                          [*rules, "--refused", "keep"])
        if not summary["balanced"]:
            report.fail(f"ledger not balanced: {summary['ledger']}")
        report.counts["refused"] += sum(summary["frames"]["refused"].values())

    def rules(self, rules):
        report = Report(self.names)
        self.rewrite(rules, report)
        compare(self.before, tshark(self.out), report, {0, 4} if "--enet-vlan" in rules else {0})
        return report

    def round_trip(self, there, back):
        report = Report(self.names)
        self.rewrite(there, report)
        self.rewrite(back, report, self.out, self.back)
        after = tshark(self.back)
        compare(self.before, after, report, {0})
        for number, (old, new) in enumerate(zip(self.before, after)):
            if old.md5 != new.md5:
                report.fail("there and back, it is another frame", number)
        return report

    def cut(self, mtu):
        report = Report(self.names)
        self.rewrite(["--mtu", str(mtu)], report)
        after = tshark(self.out)
        report.counts["frames"] += len(after)
        report.counts["changed"] += len(after) - len(self.before)
        if tcp_bytes(self.before) != tcp_bytes(after):
            report.fail("cut, the TCP streams hold other bytes")
        for protocol in SUMS:
            report.counts["good sums"] += sum(f.sums[protocol].count(GOOD) for f in after)
            spoilt = sum(bad(f, protocol) for f in after) - sum(bad(f, protocol) for f in self.before)
            if spoilt > 0:
                report.fail(f"cut, {spoilt} {protocol} checksums are bad")
        return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--grayxdp", default="grayxdp", help="the binary to check")
    options = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        names = join(options.folder, scratch / "all.pcapng")
        check = Check(options.grayxdp, scratch, scratch / "all.pcapng", names)
        for title, rules in RULES.items():
            failures += check.rules(rules).show(title)
        for title, (there, back) in ROUND_TRIPS.items():
            failures += check.round_trip(there, back).show(title)
        failures += check.cut(576).show("cut at 576")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
