"""Numbered frames, and the question whether a capture file holds exactly these. Written apart from
grayxdp, so that the two do not share a mistake."""

import ipaddress
import random
import struct

MAGIC = b"gray"
FIRST_PORT = 10000
SIZES = (60, 64, 65, 128, 129, 512, 1000, 1513, 1514)
NS = 1_000_000_000
EPB_FLAGS, EPB_DROPCOUNT, EPB_QUEUE, IF_TSRESOL = 2, 4, 6, 9


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(number, flows):
    """Frame `number` of a run: Ethernet, IPv4, UDP, magic, number, and bytes that only this number
    has."""
    size = SIZES[number % len(SIZES)]
    ip_length = size - 14
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, ip_length, number & 0xFFFF, 0, 64, 17, 0,
        ipaddress.IPv4Address("198.18.0.1").packed, ipaddress.IPv4Address("198.18.0.2").packed,
    )  # fmt: skip
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    udp = struct.pack("!HHHH", FIRST_PORT + number % flows, 9, ip_length - 20, 0)
    payload = MAGIC + struct.pack("!I", number)
    payload += random.Random(number).randbytes(size - 42 - len(payload))
    return b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01" + b"\x08\0" + header + udp + payload


def frames(count, flows):
    return [frame(number, flows) for number in range(count)]


def number_of(data):
    """Of one of our frames, else None."""
    if len(data) < 50 or data[42:46] != MAGIC:
        return None
    return struct.unpack_from("!I", data, 46)[0]


def pcap(data_frames):
    """A classic pcap file of these frames, a microsecond apart."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)]
    for index, data in enumerate(data_frames):
        out.append(struct.pack("<IIII", 1, index * 1000, len(data), len(data)) + data)
    return b"".join(out)


def options(block):
    """(code, value) of the options in a part of a block."""
    at = 0
    while at + 4 <= len(block):
        code, length = struct.unpack_from("<HH", block, at)
        if code == 0:
            return
        yield code, block[at + 4 : at + 4 + length]
        at += 4 + (length + 3) // 4 * 4


def packets(data):
    """What a little-endian pcapng file says of each frame: a dict a frame."""
    at, resolution = 0, []
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        body = data[at + 8 : at + length - 4]
        if struct.unpack_from("<I", data, at + length - 4)[0] != length:
            raise ValueError(f"the block at {at} has two lengths")
        if kind == 1:  # interface description
            found = dict(options(body[8:]))
            resolution.append(10 ** found.get(IF_TSRESOL, b"\x06")[0])
        if kind == 6:  # enhanced packet
            interface, high, low, captured, original = struct.unpack_from("<5I", body)
            found = dict(options(body[20 + (captured + 3) // 4 * 4 :]))
            yield {
                "data": body[20 : 20 + captured],
                "wire_length": original,
                "time_ns": (high << 32 | low) * NS // resolution[interface],
                "queue": int.from_bytes(found.get(EPB_QUEUE, b"\xff" * 4), "little"),
                "direction": int.from_bytes(found.get(EPB_FLAGS, b"\0"), "little") & 3,
                "dropped_before": int.from_bytes(found.get(EPB_DROPCOUNT, b"\0"), "little"),
            }
        at += length


def check(data, count, flows, since_ns, until_ns):
    """Raises ValueError with the first thing that is wrong in a capture of frames(count, flows);
    returns how many frames each queue had."""
    queues, last_time, seen = {}, {}, set()
    for index, packet in enumerate(packets(data)):
        number = number_of(packet["data"])
        where = f"frame {index} of the file (number {number})"
        if number is None or number >= count:
            raise ValueError(f"{where} is none of ours")
        if number in seen:
            raise ValueError(f"{where} is there twice")
        seen.add(number)
        if packet["data"] != frame(number, flows):
            raise ValueError(f"{where} has other bytes than were sent")
        if packet["wire_length"] != len(packet["data"]):
            raise ValueError(f"{where} has a wire length of {packet['wire_length']}")
        if packet["dropped_before"]:
            raise ValueError(f"{where} says that frames were lost before it")
        if not since_ns <= packet["time_ns"] <= until_ns:
            raise ValueError(f"{where} is of {packet['time_ns']} ns, not {since_ns}…{until_ns}")
        queue = packet["queue"]
        if packet["time_ns"] < last_time.get(queue, 0):
            raise ValueError(f"{where} is earlier than the one before it in queue {queue}")
        last_time[queue] = packet["time_ns"]
        queues[queue] = queues.get(queue, 0) + 1
    if len(seen) != count:
        raise ValueError(f"{len(seen)} of {count} frames are in the file")
    return queues
