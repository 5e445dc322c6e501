#!/usr/bin/env python3
"""Compares the Community IDs of `grayxdp flows -r` with tshark's over a folder of captures.

Every flow of grayxdp must have an id that tshark gives to one of the capture's frames, and every id
of tshark's must be a flow of grayxdp's. Left out, as the two mean different things:
 - ICMP: Community ID takes apart by message type what is one flow, named by its first message.
 - Later fragments: they belong to their first one's flow here, where tshark names each alone. One
   that came before its first has no ports to be named by, and is a flow without ports.
 - Frames whose innermost IP layer has no ports, inside of one that has: there tshark's id is made of
   the inner addresses with the outer protocol and ports (it is computed here, to be sure of that),
   and the id of the layers as they are is expected in its place.
Needs tshark; differences are printed one a line.
"""
import argparse
import base64
import hashlib
import ipaddress
import itertools
import json
import pathlib
import struct
import subprocess
import sys

CAPTURES = {".pcap", ".pcapng"}
PORTS = {6: "tcp", 17: "udp", 132: "sctp"}
ADDRESSES = ["ip.src", "ip.dst", "ip.proto", "ipv6.src", "ipv6.dst", "ipv6.nxt"]
FRAGMENTS = ["ip.frag_offset", "ipv6.fraghdr.offset"]
FIELDS = ["communityid", "icmp.type", "icmpv6.type", *FRAGMENTS, *ADDRESSES,
          *[f"{name}.{end}port" for name in PORTS.values() for end in ("src", "dst")]]


def community_id(proto, source, destination, ports=None):
    """Version 1, seed 0. Addresses as text, ports as a pair or none."""
    ends = [ipaddress.ip_address(end).packed for end in (source, destination)]
    ports = ports or (None, None)
    if (ends[0], ports[0] or 0) > (ends[1], ports[1] or 0):
        ends, ports = ends[::-1], ports[::-1]
    data = struct.pack("!H", 0) + ends[0] + ends[1] + struct.pack("!BB", proto, 0)
    if ports[0] is not None:
        data += struct.pack("!HH", *ports)
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


def layers_of(frame):
    """(source, destination, protocol) of each IP layer, and the pairs of ports, in no order."""
    def values(field):
        return [value for value in frame[field].split(",") if value]
    layers = []
    for kind in ("ip", "ipv6"):
        layers += zip(values(f"{kind}.src"), values(f"{kind}.dst"),
                      map(int, values("ip.proto" if kind == "ip" else "ipv6.nxt")))
    ports = []
    for name in PORTS.values():
        ports += zip(map(int, values(f"{name}.srcport")), map(int, values(f"{name}.dstport")))
    return layers, ports


def expected(frame):
    """The ids that grayxdp's flow of a frame may have, of which one is enough."""
    given = set(filter(None, frame["communityid"].split(",")))
    layers, ports = layers_of(frame)
    plain = {community_id(proto, source, destination)
             for source, destination, proto in layers if proto not in PORTS}
    mixed = {community_id(one[2], other[0], other[1], pair)
             for one, other in itertools.permutations(layers, 2) for pair in ports}
    own = {community_id(proto, source, destination, pair)
           for source, destination, proto in layers for pair in ports}
    return plain | own if given & (mixed - own) else given


def theirs(capture):
    """For each frame that counts the ids of which one must be there; and whether it has ICMP."""
    run = subprocess.run(
        ["tshark", "-r", str(capture), "--enable-protocol", "communityid", "-T", "fields",
         "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
         *[word for field in FIELDS for word in ("-e", field)]],
        capture_output=True, timeout=120, check=False, text=True)
    frames = []
    for line in run.stdout.splitlines():
        frame = dict(zip(FIELDS, line.split("\t")))
        later = any(offset not in ("", "0") for field in FRAGMENTS
                    for offset in frame[field].split(","))
        if frame["communityid"] and not later:
            frames.append((frozenset(expected(frame)),
                           bool(frame["icmp.type"] or frame["icmpv6.type"])))
    return frames


def ours(grayxdp, capture):
    """The flows by id, without those of fragments whose first one had not come."""
    run = subprocess.run([*grayxdp, "flows", "-r", str(capture), "--json"], capture_output=True,
                         timeout=120, check=False, text=True)
    flows = [json.loads(line) for line in run.stdout.splitlines()]
    return {flow["community_id"]: flow for flow in flows
            if flow["proto"] not in PORTS.values() or has_port(flow["source"])}


def has_port(endpoint):
    return endpoint.startswith("[") or endpoint.count(":") == 1


def compare(capture, grayxdp):
    """(agreeing ids, all ids); prints the others."""
    frames = theirs(capture)
    flows = ours(grayxdp, capture)
    known = set().union(*(ids for ids, _ in frames))
    only_ours = sorted(set(flows) - known)
    only_theirs = sorted({min(ids) for ids, icmp in frames if not icmp and not ids & set(flows)})
    for one in only_ours:
        flow = flows[one]
        print(f"{capture.name}: only grayxdp: {one} {flow['proto']} {flow['source']} "
              f"{flow['destination']}")
    for one in only_theirs:
        print(f"{capture.name}: only tshark: {one}")
    agree = len(set(flows) & known)
    return agree, agree + len(only_ours) + len(only_theirs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--grayxdp", nargs="+", default=["build/release/grayxdp"])
    parser.add_argument("--needed", type=float, default=100, help="%% of ids that must agree")
    args = parser.parse_args()
    files = sorted(path for path in args.folder.iterdir() if path.suffix in CAPTURES)
    results = [compare(capture, args.grayxdp) for capture in files]
    agree, total = (sum(column) for column in zip(*results))
    share = 100 * agree / total if total else 0
    print(f"{len(files)} files, {total} Community IDs, {agree} agree = {share:.2f} %"
          f" (needed {args.needed:g} %)")
    return 0 if files and share >= args.needed else 1


if __name__ == "__main__":
    sys.exit(main())
