#!/usr/bin/env python3
"""How far a capture's times are from the stamps that tools/pktgen put into the frames.

usage: timestamp-error.py FILE…    (pcap or pcapng, nanoseconds or microseconds)

For each file a line of figures, tab-separated: frames, then p50, p99, p99.9, maximum and minimum of
the error in nanoseconds. The error is captured time minus stamp; the stamp is CLOCK_TAI in the
payload, captured times are UTC, and the difference of the two is the kernel's now. Frames that are
not pktgen's are left out.
"""
import mmap
import struct
import sys
import time

MAGIC = b"gray"  # PKTGEN_MAGIC, in network order
PAYLOAD = 14 + 20 + 8  # Ethernet, IPv4, UDP
STAMP = struct.Struct(">4sIQ")


def pcapng_frames(data):
    """(time in ns, bytes) of each packet; knows if_tsresol in powers of ten, as both writers use."""
    at, order, resolutions = 0, "<", []
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            resolutions = []
        kind, length = struct.unpack_from(order + "II", data, at)
        if length < 12 or at + length > len(data):
            return
        if kind == 1:
            resolutions.append(resolution(data, order, at + 16, at + length - 4))
        elif kind == 6:
            interface, high, low, size = struct.unpack_from(order + "IIII", data, at + 8)
            yield (high << 32 | low) * resolutions[interface], data[at + 28 : at + 28 + size]
        at += length


def resolution(data, order, at, end):
    """Nanoseconds in a unit of the interface's times."""
    while at + 4 <= end:
        code, length = struct.unpack_from(order + "HH", data, at)
        if code == 0:
            break
        if code == 9:
            return 10 ** (9 - data[at + 4])
        at += 4 + (length + 3) // 4 * 4
    return 1000


def pcap_frames(data):
    magic = struct.unpack_from("<I", data)[0]
    order = "<" if magic in (0xA1B2C3D4, 0xA1B23C4D) else ">"
    unit = 1 if struct.unpack_from(order + "I", data)[0] == 0xA1B23C4D else 1000
    header, at = struct.Struct(order + "IIII"), 24
    while at + 16 <= len(data):
        seconds, fraction, size, _ = header.unpack_from(data, at)
        yield seconds * 10**9 + fraction * unit, data[at + 16 : at + 16 + size]
        at += 16 + size


def errors(path):
    offset = round(time.clock_gettime(time.CLOCK_TAI) - time.time()) * 10**9
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        frames = pcapng_frames if data[:4] == b"\x0a\x0d\x0d\x0a" else pcap_frames
        for captured, frame in frames(data):
            if len(frame) < PAYLOAD + STAMP.size:
                continue
            magic, _, stamp = STAMP.unpack_from(frame, PAYLOAD)
            if magic == MAGIC:
                yield captured + offset - stamp


def main(paths):
    if not paths:
        sys.exit(__doc__.split("\n\n")[1])
    for path in paths:
        found = sorted(errors(path))
        if not found:
            sys.exit(f"timestamp-error: {path} has no frame of pktgen's")
        at = lambda share: found[min(len(found) - 1, int(len(found) * share))]
        print(len(found), at(0.5), at(0.99), at(0.999), found[-1], found[0], sep="\t")


main(sys.argv[1:])
