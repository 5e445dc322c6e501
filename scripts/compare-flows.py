#!/usr/bin/env python3
"""Compares the Community IDs of `grayxdp flows -r` with tshark's over a folder of captures.

Every flow of grayxdp must have an id that tshark gives to one of the capture's frames, and every id
of tshark's must be a flow of grayxdp's. Left out, as the two mean different things:
 - ICMP: Community ID takes apart by message type what is one flow, named by its first message.
 - Later fragments: they belong to their first one's flow here, where tshark names each alone. One
   that came before its first has no ports to be named by, and is a flow without ports.
 - Frames whose innermost IP layer has no ports, inside of one that has: there tshark's id is made of
   the inner addresses with the outer protocol and ports (it is computed here, to be sure of that),
   and the id of the innermost layer is expected in its place.
 - sFlow: tshark names the datagram by what it says of other packets; expected is its own id.
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
import typing

CAPTURES = {".pcap", ".pcapng"}
PORTS = {6: "tcp", 17: "udp", 132: "sctp"}
ADDRESSES = ["ip.src", "ip.dst", "ip.proto", "ipv6.src", "ipv6.dst", "ipv6.nxt"]
FRAGMENTS = ["ip.frag_offset", "ipv6.fraghdr.offset"]
FIELDS = ["communityid", "frame.protocols", *ADDRESSES, *FRAGMENTS,
          *[f"{name}.{end}port" for name in PORTS.values() for end in ("src", "dst")]]
IP = {"ip": "ip.proto", "ipv6": "ipv6.nxt"}
SAMPLES = "sflow"


class Layer(typing.NamedTuple):
    """An IP header, and the ports right behind it when there are some."""
    proto: int
    source: str
    destination: str
    ports: tuple = ()


def community_id(layer):
    """Version 1, seed 0."""
    ends = [ipaddress.ip_address(end).packed for end in layer[1:3]]
    ports = layer.ports or (None, None)
    if (ends[0], ports[0] or 0) > (ends[1], ports[1] or 0):
        ends, ports = ends[::-1], ports[::-1]
    data = struct.pack("!H", 0) + ends[0] + ends[1] + struct.pack("!BB", layer.proto, 0)
    if ports[0] is not None:
        data += struct.pack("!HH", *ports)
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


def layers_of(frame):
    """The IP layers from the outermost on, in the order in which tshark dissected the frame, without
    those of packets that it only samples."""
    values = {field: iter(filter(None, text.split(","))) for field, text in frame.items()}
    numbers = {name: number for number, name in PORTS.items()}
    layers = []
    for name in frame["frame.protocols"].split(":"):
        if name == SAMPLES:
            break
        if name in IP:
            layers.append(Layer(int(next(values[IP[name]])), next(values[f"{name}.src"]),
                                next(values[f"{name}.dst"])))
        elif name in numbers and layers:
            ports = tuple(int(next(values[f"{name}.{end}port"], 0)) for end in ("src", "dst"))
            layers[-1] = layers[-1]._replace(proto=numbers[name], ports=ports)
    return layers


def expected(frame):
    """The ids of which one must be that of grayxdp's flow of a frame."""
    given = set(filter(None, frame["communityid"].split(",")))
    layers = layers_of(frame)
    mixed = {community_id(inner._replace(proto=outer.proto, ports=outer.ports))
             for outer, inner in itertools.combinations(layers, 2)}
    own = [community_id(layer) for layer in layers]
    samples = SAMPLES in frame["frame.protocols"].split(":")
    return {own[-1]} if samples or given & (mixed - set(own)) else given


def theirs(capture):
    """For each frame that counts the ids of which one must be there, and whether it has ICMP; and
    the addresses of later fragments."""
    run = subprocess.run(
        ["tshark", "-r", str(capture), "--enable-protocol", "communityid", "-T", "fields",
         "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
         *[word for field in FIELDS for word in ("-e", field)]],
        capture_output=True, timeout=120, check=False, text=True)
    frames, fragments = [], set()
    for line in run.stdout.splitlines():
        frame = dict(zip(FIELDS, line.split("\t")))
        if any(offset not in ("", "0") for field in FRAGMENTS
               for offset in frame[field].split(",")):
            fragments |= {frozenset(layer[1:3]) for layer in layers_of(frame)}
        elif frame["communityid"]:
            protocols = frame["frame.protocols"].split(":")
            frames.append((frozenset(expected(frame)), bool({"icmp", "icmpv6"} & set(protocols))))
    return frames, fragments


def ours(grayxdp, capture):
    """The flows by id."""
    run = subprocess.run([*grayxdp, "flows", "-r", str(capture), "--json"], capture_output=True,
                         timeout=120, check=False, text=True)
    flows = [json.loads(line) for line in run.stdout.splitlines()]
    return {flow["community_id"]: flow for flow in flows}


def has_port(endpoint):
    return endpoint.startswith("[") or endpoint.count(":") == 1


def is_orphan(flow, fragments):
    """Of later fragments alone: the first one, which has the ports, came after them or never."""
    return (flow["proto"] in PORTS.values() and not has_port(flow["source"])
            and frozenset((flow["source"], flow["destination"])) in fragments)


def compare(capture, grayxdp):
    """(agreeing ids, all ids); prints the others."""
    frames, fragments = theirs(capture)
    flows = {one: flow for one, flow in ours(grayxdp, capture).items()
             if not is_orphan(flow, fragments)}
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
