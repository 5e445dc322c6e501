#!/usr/bin/env python3
"""Writes the first inputs of the libFuzzer targets: FOLDER/TARGET/N, from testdata and by hand.

A target that is not named here starts from nothing. How the bytes of an input are read stands at
the top of each X_fuzz.cc.
"""
import pathlib
import struct
import sys

TESTDATA = pathlib.Path(__file__).parent.parent / "testdata"

GET = b"GET /a?b=1 HTTP/1.1\r\nHost: shop.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n0\r\nSum: 1\r\n\r\n"


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(proto, payload, fragment=0):
    def header(check):
        return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, fragment, 64, proto, check,
                           b"\x0a\0\0\1", b"\x0a\0\0\2")
    return header(checksum(header(0))) + payload


def tcp(payload, flags=0x18, seq=1):
    return struct.pack(">HHIIBBHHH", 50000, 80, seq, 1, 0x50, flags, 512, 0, 0) + payload


def udp(port, payload):
    return struct.pack(">HHHH", 40000, port, 8 + len(payload), 0) + payload


def eth(payload, kind=0x0800, vlans=()):
    tags = b"".join(struct.pack(">HH", 0x8100, v) for v in vlans)
    return b"\2\0\0\0\0\2\2\0\0\0\0\1" + tags + struct.pack(">H", kind) + payload


def ipv6(proto, payload):
    return struct.pack(">IHBB", 6 << 28, len(payload), proto, 64) + b"\x20\1" + b"\0" * 30 + payload


def frames():
    """(link, bytes), link as decode_fuzz.cc counts them."""
    inner = eth(ipv4(6, tcp(GET)))
    whole = tcp(GET + b"x" * 40)
    yield 0, inner
    yield 0, eth(ipv4(6, tcp(OK)), vlans=(5, 6))
    yield 0, eth(ipv4(17, udp(4789, b"\x08\0\0\0\0\0\x2a\0" + inner)))
    yield 0, eth(ipv4(17, udp(6081, b"\0\0\x65\x58\0\0\x2a\0" + inner)))
    yield 0, eth(ipv4(17, udp(2152, b"\x30\xff" + struct.pack(">HI", len(inner) - 14, 9) + inner[14:])))
    yield 0, eth(ipv4(47, b"\x20\0\x65\x58\0\0\0\x2a" + inner))
    yield 0, eth(ipv6(6, tcp(GET)), 0x86DD)
    yield 0, eth(ipv6(0, b"\x2c\0\0\0\0\0\0\0" + b"\x06\0\0\1\0\0\0\7" + tcp(GET)), 0x86DD)
    yield 0, eth(b"\0\0\x11\x40" + ipv4(6, tcp(GET)), 0x8847)
    yield 1, b"\2\0\0\0" + inner[14:]
    yield 2, inner[14:]
    yield 4, b"\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\0" + inner[14:]
    yield 7, b"\x08\0\0\0\0\0\0\1\0\1\0\6\2\0\0\0\0\1\0\0" + inner[14:]
    yield 2, ipv4(6, whole[:40], 0x2000)
    yield 2, ipv4(6, whole[40:], 5)
    yield 0, eth(b"\0\1", 0x0806)


def packets():
    entries = [bytes([link]) + struct.pack(">H", len(f)) + f for link, f in frames()]
    return entries + [b"".join(entries)]


def captures():
    data = [f for link, f in frames() if link == 0]
    for order in "<>":
        pcap = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        nano = struct.pack(order + "IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
        records = b"".join(struct.pack(order + "IIII", 9, i, len(f), len(f)) + f
                           for i, f in enumerate(data))
        yield pcap + records
        yield nano + records[:300]

        def block(kind, body):
            body += b"\0" * (-len(body) % 4)
            size = struct.pack(order + "I", len(body) + 12)
            return struct.pack(order + "I", kind) + size + body + size
        section = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
        option = struct.pack(order + "HHB3x", 9, 1, 9) + struct.pack(order + "HH", 0, 0)
        interface = block(1, struct.pack(order + "HHI", 1, 0, 65535) + option)
        enhanced = b"".join(block(6, struct.pack(order + "IIIII", 0, 0, i, len(f), len(f)) + f)
                            for i, f in enumerate(data))
        simple = block(3, struct.pack(order + "I", len(data[0])) + data[0])
        statistics = block(5, struct.pack(order + "III", 0, 0, 9))
        yield section + interface + enhanced + simple + statistics
        yield section + interface + section + interface + simple


def segments():
    def segment(who, flags, seq, ack, length):
        return struct.pack(">BBHHHB", who, flags, seq, ack, length, 1)
    opened = segment(0, 2, 0, 0, 0) + segment(1, 0x12, 0, 1, 0)
    yield opened + segment(0, 0x18, 1, 1, 100) + segment(1, 0x18, 1, 101, 50) + segment(0, 0x11, 101, 51, 0)
    yield opened + segment(0, 0x18, 101, 1, 100) + segment(0, 0x18, 1, 1, 100) + segment(0, 0x18, 50, 1, 100)
    yield opened + segment(0, 0x18, 300, 1, 100) + segment(1, 0x10, 1, 400, 0) + segment(0, 4, 400, 1, 0)
    yield b"".join(segment(i % 12, 0x18, 4000 + 7 * i, i, 60) for i in range(40))


def conversations():
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    turns = [
        b"\xf1" + GET + b"\xf2" + OK,
        b"\xf1" + GET + GET + b"\xf2" + OK + OK + b"\xf6\xf5",
        b"\xf1PUT /a HTTP/1.1\r\nExpect: 100-continue\r\n" + CHUNKED + b"\xf2HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"\xf1GET /ws HTTP/1.1\r\n" + upgrade + b"\r\n\xf2HTTP/1.1 101 X\r\n" + upgrade +
        b"\r\n\x81\x02hi\x88\x02\x03\xe8\xf1\x81\x82abcd\x09\x0b\x09\x80abcd",
        b"\xf1CONNECT h:80 HTTP/1.1\r\n\r\n\xf2HTTP/1.1 200 X\r\n\r\n\xf1" + GET + b"\xf2" + OK,
        b"\xf1" + GET + b"\xf2HTTP/1.0 200 OK\r\n\r\nto the end\xf6",
        b"\xf1" + GET + b"\xf2HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab\xf4cdefgh\xf2i" + OK,
        b"\xf1GET /old\r\n\xf2<html>\xf6",
        b"\xf2" + OK + b"\xf1" + GET,
    ]
    messages = [
        GET, b"POST /a HTTP/1.1\r\n" + CHUNKED + GET, b"GET /old\r\n",
        b"POST / HTTP/1.1\r\nContent-Length : 3\r\nTransfer-Encoding: chunked, identity\r\n folded: x\r\n\r\n",
        b"POST / HTTP/1.1\nContent-Length: 3, 3\nContent-Length: 4\n\nabcd",
    ]
    yield from (b"\2" + turn for turn in turns)
    yield from (b"\0" + message for message in messages)
    yield from (b"\1" + message for message in (OK + OK, b"HTTP/1.1 200 OK\r\n" + CHUNKED))


def documents():
    texts = [
        '{"a":"secret","id":17,"t":[1,"x"],"x":{"y":null},"phone":"13812345678"}',
        '[true,false,null,-0.5e+10,"\\u00e9\\ud83d\\ude00\\n",{"id":{"id":[]}}]',
        '"alone"', "\ufeff{}", "[" * 199 + "]" * 199, '{"x":1,"x":2,"b":"{\\"id\\":\\"1\\"}"}',
    ]
    return [bytes([i]) + text.encode() for i in (0, 1) for text in texts]


SEEDS = {
    "userspace_pcapng_reader_fuzz": captures,
    "userspace_packet_decode_fuzz": packets,
    "replay_stream_reassembler_fuzz": segments,
    "replay_protocol_http1_connection_fuzz": conversations,
    "replay_protocol_grpc_frames_fuzz": lambda: [b"", b"\0\0\0\0\3abc\1\0\0\0\0\0\0\0\1\0x", b"\2\0\0\0\0"],
    "replay_scrub_rules_fuzz": lambda: [p.read_bytes() for p in sorted(TESTDATA.glob("scrub-*.yaml"))],
    "replay_compare_json_fuzz": documents,
}


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    for target, seeds in SEEDS.items():
        folder = pathlib.Path(sys.argv[1], target)
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (folder / str(number)).write_bytes(seed)


main()
