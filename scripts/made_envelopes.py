"""What made TCP segments travel in, for made_streams.py: each link type that grayxdp reads, each tunnel
that it follows, whole and in IP fragments.
"""
import socket
import struct

MAC = b"\2\0\0\0\0\2\2\0\0\0\0\1"
OUTSIDE = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8:ffff::1", "2001:db8:ffff::2")}
ETHERTYPE = {4: b"\x08\0", 6: b"\x86\xdd"}
TCP, UDP, IPIP, IPV6, GRE, MPLS = 6, 17, 4, 41, 47, 137
FRAGMENT = 44
IP6 = 40  # bytes of its header


class Wire:
    """Numbers IP datagrams, so that their fragments can be told apart."""

    def __init__(self):
        self.id = 0

    def ip(self, source, target, protocol, payload):
        """As text or packed; IPv4 or IPv6 by that."""
        source, target = packed(source), packed(target)
        self.id += 1
        if len(source) == 16:
            return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + source + target + payload
        return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), self.id % 65536, 0, 64, protocol, 0) + \
            source + target + payload

    def udp(self, port, payload, family=4):
        head = struct.pack(">HHHH", 40000, port, 8 + len(payload), 0)
        return self.ip(*OUTSIDE[family], UDP, head + payload)

    def cut(self, rng, datagram):
        """The datagram in IP fragments, now and then two of them in the other order."""
        head = 20 if datagram[0] >> 4 == 4 else IP6
        payload = datagram[head:]
        if len(payload) <= 64:
            return [datagram]
        size = rng.randrange(8, len(payload), 8)
        self.id += 1
        pieces = []
        for at in range(0, len(payload), size):
            part, more = payload[at:at + size], at + size < len(payload)
            pieces.append(fragment4(datagram, at, part, more) if head == 20
                          else fragment6(datagram, self.id, at, part, more))
        if rng.random() < 0.3:
            pieces.reverse()
        return pieces


def packed(address):
    if isinstance(address, bytes):
        return address
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def fragment4(datagram, at, part, more):
    return datagram[:2] + struct.pack(">H", 20 + len(part)) + datagram[4:6] + \
        struct.pack(">H", (0x2000 if more else 0) | at // 8) + datagram[8:20] + part


def fragment6(datagram, number, at, part, more):
    head = struct.pack(">BBHI", datagram[6], 0, at | int(more), number)
    return datagram[:4] + struct.pack(">HB", 8 + len(part), FRAGMENT) + datagram[7:IP6] + head + part


def ethernet(ip):
    return MAC + ETHERTYPE[ip[0] >> 4] + ip


# Name, link type, what makes an IP packet a frame of it.
LINKS = [
    ("Ethernet", 1, ethernet),
    ("VLAN", 1, lambda ip: MAC + b"\x81\0\0\5" + ETHERTYPE[ip[0] >> 4] + ip),
    ("QinQ", 1, lambda ip: MAC + b"\x88\xa8\0\7\x81\0\0\5" + ETHERTYPE[ip[0] >> 4] + ip),
    ("MPLS", 1, lambda ip: MAC + b"\x88\x47\0\2\0\x40\0\2\1\x40" + ip),
    ("PPPoE", 1, lambda ip: MAC + b"\x88\x64\x11\0\0\1" + struct.pack(">H", 2 + len(ip)) +
     (b"\0\x21" if ip[0] >> 4 == 4 else b"\0\x57") + ip),
    ("SLL", 113, lambda ip: b"\0\0\0\1\0\6\2\0\0\0\0\1\0\0" + ETHERTYPE[ip[0] >> 4] + ip),
    ("SLL2", 276, lambda ip: ETHERTYPE[ip[0] >> 4] + b"\0\0\0\0\0\2\0\1\0\6\2\0\0\0\0\1\0\0" + ip),
    ("raw", 101, lambda ip: ip),
    ("loopback", 0, lambda ip: struct.pack("<I", 2 if ip[0] >> 4 == 4 else 30) + ip),
    ("OpenBSD's loopback", 108, lambda ip: struct.pack(">I", 2 if ip[0] >> 4 == 4 else 24) + ip),
]

# Name, the families of IP that it can have inside, what makes a packet of it one of the outside.
TUNNELS = [
    ("VXLAN", (4, 6), lambda wire, ip: wire.udp(4789, b"\x08\0\0\0\0\0\7\0" + ethernet(ip))),
    ("VXLAN over IPv6", (4, 6), lambda wire, ip: wire.udp(4789, b"\x08\0\0\0\0\0\7\0" + ethernet(ip), 6)),
    ("GENEVE", (4, 6), lambda wire, ip: wire.udp(
        6081, b"\1\0\x65\x58\0\0\7\0" + b"\1\2\3\0" + ethernet(ip))),
    ("GRE", (4, 6), lambda wire, ip: wire.ip(*OUTSIDE[4], GRE, b"\0\0" + ETHERTYPE[ip[0] >> 4] + ip)),
    ("GRE of Ethernet", (4, 6), lambda wire, ip: wire.ip(
        *OUTSIDE[4], GRE, b"\x20\0\x65\x58\0\0\0\7" + ethernet(ip))),
    ("PPTP", (4,), lambda wire, ip: wire.ip(
        *OUTSIDE[4], GRE, b"\x20\1\x88\x0b" + struct.pack(">HH", 4 + len(ip), 7) + b"\xff\3\0\x21" + ip)),
    ("ERSPAN II", (4, 6), lambda wire, ip: wire.ip(
        *OUTSIDE[4], GRE, b"\x10\0\x88\xbe\0\0\0\1\x10\5\0\1\0\0\0\2" + ethernet(ip))),
    ("IP in IP", (4,), lambda wire, ip: wire.ip(*OUTSIDE[4], IPIP, ip)),
    ("6in4", (6,), lambda wire, ip: wire.ip(*OUTSIDE[4], IPV6, ip)),
    ("4in6", (4,), lambda wire, ip: wire.ip(*OUTSIDE[6], IPIP, ip)),
    ("MPLS in IP", (4, 6), lambda wire, ip: wire.ip(*OUTSIDE[4], MPLS, b"\0\2\1\x40" + ip)),
    ("GTP-U", (4, 6), lambda wire, ip: wire.udp(
        2152, b"\x30\xff" + struct.pack(">HI", len(ip), 7) + ip)),
    ("Teredo", (6,), lambda wire, ip: wire.udp(3544, ip)),
    ("AYIYA", (6,), lambda wire, ip: wire.udp(
        5072, b"\x41\x52\x11\x29\0\0\0\0" + b"\1" * 16 + b"\1" * 20 + ip)),
    ("GRE in VXLAN", (4, 6), lambda wire, ip: wire.udp(4789, b"\x08\0\0\0\0\0\7\0" + ethernet(
        wire.ip("198.51.100.1", "198.51.100.2", GRE, b"\0\0" + ETHERTYPE[ip[0] >> 4] + ip)))),
]


class Envelope:
    """A link and perhaps a tunnel, by number; packets in it are cut or not, inside or outside."""

    def __init__(self, number, rng):
        self.wire, self.rng = Wire(), rng
        tunnel = TUNNELS[number - len(LINKS)] if number >= len(LINKS) else None
        link = LINKS[number] if tunnel is None else LINKS[0]
        families = tunnel[1] if tunnel else (4, 6)
        self.link_type, self.wrap = link[1], link[2]
        self.tunnel = tunnel[2] if tunnel else None
        self.family = rng.choice(families)
        self.cut = rng.choice(["", "inside"] + (["outside"] if tunnel else []))
        self.name = f"{tunnel[0] if tunnel else link[0]}, IPv{self.family}" + \
            (f", fragments {self.cut}" if self.cut else "")

    def frames(self, source, target, segment):
        packets = [self.wire.ip(source, target, TCP, segment)]
        if self.cut == "inside":
            packets = self.wire.cut(self.rng, packets[0])
        if self.tunnel:
            packets = [self.tunnel(self.wire, packet) for packet in packets]
        if self.cut == "outside":
            packets = [piece for packet in packets for piece in self.wire.cut(self.rng, packet)]
        return [self.wrap(packet) for packet in packets]


COUNT = len(LINKS) + len(TUNNELS)
