#!/usr/bin/env python3
"""Compares the Community IDs of `grayxdp flows -r` with tshark's over a folder of captures.

Every flow of grayxdp must have an id that tshark gives to one of the capture's frames, and every id
of tshark's must be a flow of grayxdp's, but for ICMP: there Community ID takes apart by message
type what is one flow, named by its first message. A fragment behind the first one belongs to that
one's flow here, where tshark names it alone. Needs tshark; differences are printed one a line.
"""
import argparse
import json
import pathlib
import subprocess
import sys

CAPTURES = {".pcap", ".pcapng"}


def theirs(capture):
    """tshark's ids, and those of them that only frames with ICMP have."""
    fields = ["communityid", "icmp.type", "icmpv6.type"]
    run = subprocess.run(
        ["tshark", "-r", str(capture), "--enable-protocol", "communityid", "-T", "fields",
         *[word for field in fields for word in ("-e", field)]],
        capture_output=True, timeout=120, check=False, text=True)
    ids, without_icmp = set(), set()
    for line in run.stdout.splitlines():
        name, *icmp = line.split("\t")
        for one in filter(None, name.split(",")):
            ids.add(one)
            if not any(icmp):
                without_icmp.add(one)
    return ids, ids - without_icmp


def ours(grayxdp, capture):
    run = subprocess.run([*grayxdp, "flows", "-r", str(capture), "--json"], capture_output=True,
                         timeout=120, check=False, text=True)
    return {flow["community_id"]: flow for flow in map(json.loads, run.stdout.splitlines())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--grayxdp", nargs="+", default=["build/release/grayxdp"])
    parser.add_argument("--needed", type=float, default=100, help="%% of ids that must agree")
    args = parser.parse_args()
    agree = total = 0
    files = sorted(path for path in args.folder.iterdir() if path.suffix in CAPTURES)
    for capture in files:
        tshark, icmp = theirs(capture)
        flows = ours(args.grayxdp, capture)
        only_ours = set(flows) - tshark
        only_theirs = tshark - set(flows) - icmp
        for one in sorted(only_ours):
            flow = flows[one]
            print(f"{capture.name}: only grayxdp: {one} {flow['proto']} {flow['source']} "
                  f"{flow['destination']}")
        for one in sorted(only_theirs):
            print(f"{capture.name}: only tshark: {one}")
        agree += len(set(flows) & tshark)
        total += len(set(flows) | (tshark - icmp))
    share = 100 * agree / total if total else 0
    print(f"{len(files)} files, {total} Community IDs, {agree} agree = {share:.2f} %"
          f" (needed {args.needed:g} %)")
    return 0 if files and share >= args.needed else 1


if __name__ == "__main__":
    sys.exit(main())
