#!/usr/bin/env python3
"""Writes the first inputs of the libFuzzer targets: FOLDER/TARGET/N, from testdata and by hand.

A target that is not named here starts from nothing. How the bytes of an input are read stands at
the top of each X_fuzz.cc.
"""
import gzip
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

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
    ends = b"".join(struct.pack(">HHI", kind, 4, value) for kind, value in enumerate((9, 8), 20))
    ports = b"".join(struct.pack(">HHI", kind, 4, value) for kind, value in enumerate((2, 5, 6), 24))
    yield 8, b"\0\x0c\0\x08http2\0\0\0" + ends + ports + b"\0\0\0\0" + GET
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


# Header blocks: all literal, then of the static table and adding to the dynamic one, then by its
# entries alone, in Huffman code, with a change of the table's size.
ASK = b"\0\7:method\4POST\0\7:scheme\4http\0\5:path\2/a\0\x0a:authority\1h"
GRPC = b"\x83\x86\x44\6/f.S/M\x41\1h\x40\x0ccontent-type\x10application/grpc\x40\2te\x08trailers"
TABLE = b"\x20\x3f\xe1\x1f\x82\x86\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff\x84"
AGAIN = b"\x83\x86\x44\6/f.S/M\xc0\xbf\xbe"
ANSWER = b"\x88\x5f\x10application/grpc"


def entry(server, kind, flags, stream, content=b""):
    """One frame as http2/connection_fuzz.cc reads it."""
    return bytes([server, kind, flags, stream, len(content)]) + content


def http2_conversations():
    message = b"\0\0\0\0\3\x0a\1x"
    call = entry(0, 1, 4, 1, GRPC) + entry(0, 0, 1, 1, message) + entry(1, 1, 4, 1, ANSWER) + \
        entry(1, 0, 0, 1, message * 3) + entry(1, 1, 5, 1, b"\0\x0bgrpc-status\1\x30")
    again = entry(0, 1, 5, 3, AGAIN) + entry(1, 1, 5, 3, b"\x88\xbe")
    turns = [
        call + again,
        entry(0, 1, 5, 1, ASK) + entry(1, 1, 4, 1, b"\x88") + entry(1, 0, 1, 1, b"hi"),
        entry(0, 1, 0x2d, 1, b"\3\0\0\0\0\x10" + ASK + b"\0\0\0") + entry(1, 1, 5, 1, b"\x8d"),
        entry(0, 1, 1, 1, ASK[:9]) + entry(0, 9, 0, 1, ASK[9:20]) + entry(0, 9, 4, 1, ASK[20:]),
        entry(0, 1, 4, 1, ASK) + entry(1, 1, 4, 1, b"\x08\x03100") + entry(1, 3, 0, 1, b"\0\0\0\x08"),
        entry(1, 5, 4, 1, b"\0\0\0\2" + ASK) + entry(1, 1, 5, 2, b"\x88") + entry(1, 7, 0, 0, b"\0" * 8),
        entry(0, 4, 0, 0, b"\0\1\0\0\0\0\0\5\0\0\x7f\xff") + entry(1, 4, 1, 0) +
        entry(1, 6, 0, 0, b"12345678") + entry(0, 8, 0, 0, b"\0\0\1\0") + entry(0, 2, 0, 1, b"\0" * 5),
        call + bytes([0x0c, 40]) + again + bytes([0x0d, 9]) + call,
        bytes([0x0a, 6]) + b"\0\0\5\0\0\0" + bytes([0x0a, 8]) + b"\0\0\1hello" + call + b"\xff\xfe",
    ]
    return [bytes([how + 3 * 7]) + turn for how in range(3) for turn in turns]


def header_blocks():
    blocks = [ASK, GRPC, TABLE, AGAIN, ANSWER]
    together = b"".join(struct.pack(">H", len(b)) + b for b in blocks)
    lost = struct.pack(">H", len(GRPC)) + GRPC + b"\0\0" + struct.pack(">H", len(AGAIN)) + AGAIN
    return [bytes([how]) + text for how in (0, 1) for text in (together, lost)]


def raw_deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def coded_bodies():
    """Gzip, deflate (both), Brotli and Zstandard: a text, and much of nothing."""
    text, bomb = b"hello, hello, hello", b"\0" * 2_000_000
    zstd = b"\x28\xb5\x2f\xfd\x20\5\x29\0\0hello"
    zstd_bomb = b"\x28\xb5\x2f\xfd\0\x58" + b"\2\0\x10\0" * 40 + b"\1\0\0"
    for data in (text, bomb):
        packed = gzip.compress(data, 9, mtime=0)
        yield b"\0" + packed
        yield b"\x10" + gzip.compress(packed, 9, mtime=0)
        yield b"\0" + b"\1" + struct.pack(">I", len(packed)) + packed + b"\0\0\0\0\0"
        yield b"\1" + zlib.compress(data, 9)
        yield b"\1" + raw_deflate(data)
    yield b"\0" + gzip.compress(text, mtime=0) * 2 + b"behind"
    yield b"\2\x0b\2\x80hello\3"
    yield b"\3" + zstd
    yield b"\3" + zstd_bomb
    yield b"\x1c" + gzip.compress(zstd_bomb, mtime=0)


def field(number, value):
    """Of protobuf: a number as a varint, bytes with their length."""
    tag = number << 3 | (0 if isinstance(value, int) else 2)

    def varint(of):
        out = b""
        while of > 0x7F:
            out, of = out + bytes([of & 0x7F | 0x80]), of >> 7
        return out + bytes([of])
    return varint(tag) + (varint(value) if isinstance(value, int) else varint(len(value)) + value)


def proto_messages():
    inner = field(1, b"13812345678") + field(3, 13812345678)
    packed = field(13, b"\1\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\1")
    any_of = field(1, b"type.googleapis.com/f.M") + field(2, inner)
    return [
        inner, field(2, b"\xff\0") + packed + field(9, 7) + field(900, b"?"),
        field(10, field(10, field(10, inner))) + field(11, inner) + field(11, b""),
        field(12, field(1, b"k") + field(2, inner)) + field(15, 1) + field(16, inner),
        field(17, any_of) + field(9, any_of) + field(5, field(5, inner)) + field(7, b"\1\2"),
        b"\x29\0\0\0\0\0\0\xf0\x3f\x2d\0\0\x80\x7f" + b"\x1b\x08\1\x1c" + field(6, field(1, b"a")),
    ]


def proto_bodies():
    for message in proto_messages():
        yield from (bytes([choice]) + message for choice in (0, 1, 3))
        packed = gzip.compress(message, mtime=0)
        body = b"\0" + struct.pack(">I", len(message)) + message + \
            b"\1" + struct.pack(">I", len(packed)) + packed
        yield from (bytes([choice]) + body for choice in (0, 2))


PROTO = """syntax = "proto3";
package f;
enum Level { LOW = 0; HIGH = 1; }
message M {
  reserved 9, 20 to 30; string text = 1; M inside = 2; map<string, M> map = 3; Level level = 4;
  message In { repeated int64 numbers = 1; } oneof one { In in = 5; bytes data = 6; }
}
service S { rpc One(M) returns (M); rpc Many(stream M) returns (stream M); }
"""


def descriptor_sets():
    old = PROTO.replace("proto3", "proto2").replace(" M inside", " optional M inside") \
        .replace(" string text", " required string text").replace(" Level level", " optional Level level") \
        .replace("reserved 9, 20 to 30;", "extensions 100 to 200; optional group G = 8 { }")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("new", PROTO), ("old", old)):
            source, made = pathlib.Path(folder, name + ".proto"), pathlib.Path(folder, name)
            source.write_text(text)
            subprocess.run(["protoc", f"-I{folder}", f"--descriptor_set_out={made}", source], check=True)
            yield made.read_bytes()


def documents():
    texts = [
        '{"a":"secret","id":17,"t":[1,"x"],"x":{"y":null},"phone":"13812345678"}',
        '[true,false,null,-0.5e+10,"\\u00e9\\ud83d\\ude00\\n",{"id":{"id":[]}}]',
        '"alone"', "\ufeff{}", "[" * 199 + "]" * 199, '{"x":1,"x":2,"b":"{\\"id\\":\\"1\\"}"}',
    ]
    return [bytes([i]) + text.encode() for i in (0, 1) for text in texts]


COMPARE_RULES = """compare:
  default_ignores: false
  timing_tolerance: 2s
  rules:
    - {field: 'json.$..i', ignore: true}
    - {field: 'json.$..a', set: true}
    - {field: 'json.$..k', key: id}
    - {field: 'json.$..a[*]', absolute: 0.5, relative: 1%}
    - {field: 'json.$..t', within: 5s, truncate: 1m}
    - {field: 'text[*]', normalize: [lower, trim, spaces, sort], replace: {pattern: '[0-9]+', with: n}}
    - {field: form.i, round: 2}
    - {field: 'proto.$..1', ignore: false}
"""


def comparisons():
    pairs = [
        ('{"a":[1,2,{"b":"x"}],"i":1,"phone":"13812345678"}', '{"i":2,"a":[1.1,3,{"b":"y","c":[]}]}'),
        ('{"k":[{"id":1,"t":"2026-01-02T03:04:05Z"},{"id":"2"}]}', '{"k":[{"id":"2"},{"t":1767323046,"id":1}]}'),
        ('[3,2,1,{"a":{"x":1,"y":2}}]', '[1,2,3,{"a":{"y":2,"x":1.0}}]'),
        ('[' + '{"k":[0]},' * 9 + '0]', '[' + '{"k":[1]},' * 9 + '0]'),
        ("a=1&i=2&phone=13812345678", "a=2&b=&i=3"), ("one\ntwo 2\nthree", "one\nTwo 3\nthree\nfour"),
        ("\x0a\x03tea\x10\x05", "\x10\x06\x0a\x03tea"),
    ]
    for rules in ("", COMPARE_RULES, COMPARE_RULES[:200]):
        for before, after in pairs:
            yield struct.pack(">HH", len(rules), len(before)) + (rules + before + after).encode()


def pdus():
    """As pdu_order_fuzz.cc reads them: a frame and a message that come again, whole."""
    frame = b"\0\0\x05\0\0\0\0\0\1hello"
    for what, begun, whole in ((5, frame[:11], frame + frame), (4, frame[:2], frame), (0, GET, GET + b"x")):
        yield b"".join(bytes([what]) + struct.pack(">H", len(b)) + b for b in (begun, whole))


SEEDS = {
    "userspace_pcapng_reader_fuzz": captures,
    "userspace_packet_decode_fuzz": packets,
    "replay_stream_reassembler_fuzz": segments,
    "replay_stream_pdu_order_fuzz": pdus,
    "replay_protocol_http1_connection_fuzz": conversations,
    "replay_protocol_http2_connection_fuzz": http2_conversations,
    "replay_protocol_http2_hpack_fuzz": header_blocks,
    "replay_content_decode_fuzz": coded_bodies,
    "replay_schema_message_fuzz": proto_bodies,
    "replay_schema_descriptors_fuzz": descriptor_sets,
    "replay_protocol_grpc_frames_fuzz": lambda: [b"", b"\0\0\0\0\3abc\1\0\0\0\0\0\0\0\1\0x", b"\2\0\0\0\0"],
    "replay_scrub_rules_fuzz": lambda: [p.read_bytes() for p in sorted(TESTDATA.glob("scrub-*.yaml"))],
    "replay_compare_json_fuzz": documents,
    "replay_compare_rules_fuzz": comparisons,
}


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    for target, seeds in SEEDS.items():
        folder = pathlib.Path(sys.argv[1], target)
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (folder / str(number)).write_bytes(seed)


main()
