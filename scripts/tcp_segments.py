"""The TCP segments of a capture as tshark decodes them, and a model of reassembly over them that looks
at one byte at a time: what compare-streams.py and corpus_reasons.py hold an explanation against.

The model knows no order, no window and no memory: a byte is what the first segment that has it says,
and it is missing when no segment has it. It says of a direction, as grayxdp put it together, the first
thing that is not so.
"""
import subprocess
from collections import defaultdict

ENDS = ("frame.protocols", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport")
FIN, SYN, RST, ACK = 1, 2, 4, 16
HALF = 1 << 31


def apart(start, end):
    """`end - start` in sequence space."""
    return (end - start + HALF) % (2 * HALF) - HALF


class Segment:
    def __init__(self, frame, seq, ack, flags, length, data):
        self.frame, self.ack, self.flags, self.length, self.data = frame, ack, flags, length, data
        self.seq = (seq + 1) % (2 * HALF) if flags & SYN else seq  # of its first byte


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def rows(capture, wanted, *names, options=()):
    """[direction, the values of `names`] of the frames that `wanted`, a display filter, shows. Of what is
    in a tunnel the innermost."""
    taps = [word for name in (*ENDS, *names) for word in ("-e", name)]
    run = subprocess.run(["tshark", "-n", "-r", str(capture), *options, "-Y", wanted, "-T", "fields", "-E",
                          "occurrence=l", *taps], capture_output=True, timeout=300, check=False, text=True)
    for line in run.stdout.splitlines():
        layers, source4, source6, source, target4, target6, target, *values = line.split("\t")
        six = layers.split(":tcp")[0].rpartition(":ip")[2].startswith("v6")
        ends = (endpoint(source6 if six else source4, source),
                endpoint(target6 if six else target4, target))
        yield " > ".join(ends), values


def directions(capture):
    """{"from > to": [Segment]} in order of frames; whatever tunnels they came in, and after IP
    fragments are put together. What an ICMP error quotes is none, nor is a sample of sFlow."""
    found = defaultdict(list)
    for direction, (number, seq, ack, flags, length, payload) in rows(
            capture, "tcp && !icmp && !icmpv6 && !sflow", "frame.number", "tcp.seq_raw", "tcp.ack_raw",
            "tcp.flags", "tcp.len", "tcp.payload"):
        found[direction].append(Segment(int(number), int(seq), int(ack or 0), int(flags, 16),
                                        int(length or 0), bytes.fromhex(payload.replace(":", ""))))
    return found


def other_side(direction):
    return " > ".join(reversed(direction.split(" > ")))


class Connection:
    """One side of a connection from sequence number `first` on, `length` bytes of it: the byte that
    the first segment had, and the frame of that segment (0: no segment has the byte)."""

    def __init__(self, first, length, segments):
        self.data, self.frame = bytearray(length), [0] * length
        for segment in segments:
            at = apart(first, segment.seq)
            if at >= length or at + len(segment.data) <= 0:
                continue
            begin, end = max(at, 0), min(at + len(segment.data), length)
            if not any(self.frame[begin:end]):
                self.data[begin:end] = segment.data[begin - at:end - at]
                self.frame[begin:end] = [segment.frame] * (end - begin)
                continue
            for place in range(begin, end):
                if not self.frame[place]:
                    self.data[place], self.frame[place] = segment.data[place - at], segment.frame


def given_up_at(first, begin, end, segments, back):
    """The frame in which the bytes from `begin` to `end` are lost for whoever reads along: the other
    side acknowledges them, or the segment itself was captured cut. None when there is none."""
    for segment in back:
        if segment.flags & ACK and apart(first, segment.ack) >= end:
            return segment.frame
    for segment in segments:
        if segment.length > len(segment.data) and 0 <= begin - apart(first, segment.seq) < segment.length:
            return segment.frame
    return None


def why_wrong(said, segments, back):
    """What of one direction of a connection is not as the segments are: its bytes, or that others are
    missing; empty when all is. `said` has .first, .data and .gaps; `back` are the other side's."""
    length = len(said.data) + sum(gap[1] for gap in said.gaps)
    truth = Connection(said.first, length, segments)
    at = taken = 0  # in the stream, in said.data
    for begin, lost in [*said.gaps, [len(said.data), 0]]:
        piece = said.data[taken:begin]
        if 0 in truth.frame[at:at + len(piece)]:
            return f"no segment has byte {at + truth.frame[at:].index(0)}"
        if piece != truth.data[at:at + len(piece)]:
            wrong = next(i for i, pair in enumerate(zip(piece, truth.data[at:])) if pair[0] != pair[1])
            return f"byte {at + wrong} is not as in frame {truth.frame[at + wrong]}"
        at, taken = at + len(piece), begin
        there = [frame for frame in truth.frame[at:at + lost] if frame]
        if there:
            lost_at = given_up_at(said.first, at, at + lost, segments, back)
            if lost_at is None or min(there) < lost_at:
                return f"bytes {at} to {at + lost} are not missing: frame {min(there)} has some"
        at += lost
    return ""


def left_out(saids, segments, back):
    """The first frame with payload that none of the connections `saids` of a direction has, although
    it was open; None when there is none."""
    closed = min((segment.frame for segment in [*segments, *back] if segment.flags & RST),
                 default=float("inf"))
    ends = [apart(said.first, segment.seq + segment.length) for said in saids for segment in segments
            if segment.flags & FIN]
    for segment in segments:
        if not segment.data or segment.frame > closed:
            continue
        for said in saids:
            length = len(said.data) + sum(gap[1] for gap in said.gaps)
            at = apart(said.first, segment.seq)
            if at + len(segment.data) <= length or at >= min(ends, default=HALF):
                break
        else:
            return segment.frame
    return None


class Stretches:
    """One side of a connection in the pieces that no lost byte parts: [sequence number, bytes]. Of
    segments without any order, as long as they are of one connection."""

    def __init__(self, segments):
        self.found = []
        payload = [segment for segment in segments if segment.data]
        if not payload:
            return
        some = payload[0].seq
        first = min((segment.seq for segment in payload), key=lambda seq: apart(some, seq))
        length = max(apart(first, segment.seq) + len(segment.data) for segment in payload)
        whole = Connection(first, length, payload)
        there = bytes(map(bool, whole.frame))
        begin = 0
        while begin < length:
            end = there.find(0, begin)
            end = length if end < 0 else end
            self.found.append(((first + begin) % (2 * HALF), bytes(whole.data[begin:end])))
            begin = there.find(1, end)
            if begin < 0:
                break
        self.from_syn = any(s.flags & SYN and s.seq == first for s in segments)

    def behind_a_loss(self):
        """Those in front of which bytes are lost."""
        return self.found[1 if not self.found or self.from_syn else 0:]

    def cut(self):
        """Those behind which bytes are lost."""
        return self.found[:-1]
