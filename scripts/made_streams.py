"""Captures of connections whose bytes are known, for compare-streams.py: cut at random, out of order,
doubled, with overlaps, keep-alives, wrapping sequence numbers and, in half of them, lost segments; of
each link type and in each tunnel (made_envelopes.py), some in IP fragments.
"""
import random
import socket
import struct

from made_envelopes import COUNT, Envelope
from stream_said import Said, key
from tcp_segments import endpoint

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class Sender:
    """One side of a connection that is made up: segments of known bytes, disturbed."""

    def __init__(self, rng, loss):
        self.data = rng.randbytes(rng.randrange(1, 30_000))
        self.first = rng.choice([rng.getrandbits(32), 2**32 - rng.randrange(1, 20_000)])
        self.lost = []  # [from, to]
        self.segments = self.cut(rng, loss)

    def cut(self, rng, loss):
        cuts, at = [], 0
        while at < len(self.data):
            to = min(len(self.data), at + rng.randrange(1, 1461))
            cuts.append([at, to])
            at = to
        if loss and len(cuts) > 3:
            gone = rng.randrange(1, len(cuts) - 1)
            self.lost = cuts.pop(gone)
        found = []
        for at, to in cuts:
            found.append((at, to))
            if rng.random() < 0.1:
                found.append((at, to))  # once more
            if rng.random() < 0.1 and not self.lost:
                found.append((max(0, at - rng.randrange(1, 500)), to))  # over what was there
            if rng.random() < 0.05 and at > 0 and (not self.lost or at - 1 != self.lost[1] - 1):
                found.append((at - 1, at))  # a keep-alive
        for place in range(1, len(found) - 1):  # the first stays first: it may be where one begins
            if rng.random() < 0.15:
                other = min(len(found) - 1, place + rng.randrange(1, 6))
                found[place], found[other] = found[other], found[place]
        return found

    def said(self):
        if not self.lost:
            return Said(self.data)
        at, to = self.lost
        return Said(self.data[:at] + self.data[to:], [[at, to - at]])


def make_capture(path, seed):
    """A capture of eight connections: what they travel in, and what they say. Each envelope in turn,
    without lost segments and with some."""
    rng = random.Random(seed)
    envelope = Envelope(seed // 2 % COUNT, rng)
    truth, frames = {}, []
    for number in range(8):
        ends = [(address(envelope.family, seed % 250, number + 1), 20000 + number),
                (address(envelope.family, 0, 1), 80)]
        sides = [Sender(rng, seed % 2), Sender(rng, seed % 2)]
        names = [endpoint(socket.inet_ntop(FAMILIES[envelope.family], at), port) for at, port in ends]
        for side in range(2):
            truth[key(names[side], names[1 - side])] = [sides[side].said()]
        frames.append(connection_frames(rng, envelope, ends, sides))
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, envelope.link_type))
        now = 1_700_000_000_000_000
        while any(frames):
            frame = rng.choice([one for one in frames if one]).pop(0)
            now += 100
            file.write(struct.pack("<IIII", now // 10**6, now % 10**6, len(frame), len(frame)) + frame)
    return envelope.name, truth


def address(family, net, host):
    if family == 4:
        return bytes([10, net, 0, host])
    return bytes([0xfc, 0, net]) + bytes(12) + bytes([host])


def connection_frames(rng, envelope, ends, sides):
    """Handshake, the segments of both sides in turn, acknowledgements of all, FIN."""
    def frames(side, seq, ack, flags, payload=b""):
        (source, sport), (target, tport) = ends[side], ends[1 - side]
        tcp = struct.pack(">HHIIBBHHH", sport, tport, seq % 2**32, ack % 2**32, 0x50, flags, 65535, 0, 0)
        return envelope.frames(source, target, tcp + payload)

    one, other = sides
    found = [frames(0, one.first - 1, 0, 2), frames(1, other.first - 1, one.first, 0x12),
             frames(0, one.first, other.first, 0x10)]
    waiting = [list(one.segments), list(other.segments)]
    while any(waiting):
        side = rng.choice([n for n in range(2) if waiting[n]])
        at, to = waiting[side].pop(0)
        me = sides[side]
        found.append(frames(side, me.first + at, sides[1 - side].first, 0x18, me.data[at:to]))
    ends_at = [me.first + len(me.data) for me in sides]
    found += [frames(0, ends_at[0], ends_at[1], 0x10), frames(1, ends_at[1], ends_at[0], 0x10),
              frames(0, ends_at[0], ends_at[1], 0x11), frames(1, ends_at[1], ends_at[0] + 1, 0x11),
              frames(0, ends_at[0] + 1, ends_at[1] + 1, 0x10)]
    return [frame for some in found for frame in some]
