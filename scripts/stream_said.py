"""What one direction of a connection says, and why two programs may differ about it.

A difference is explained only by a rule over the capture's own segments (tcp_segments.py), which says
at which byte the two must part and can be false; grayxdp's side has been held against these segments
before, byte by byte, so that what it says to be missing is missing, and what stands behind is there.
"""
import subprocess
from collections import defaultdict

from tcp_segments import ACK, FIN, RST, SYN, apart

LIBTINS_HOLDS = 512  # StreamFollower::DEFAULT_MAX_BUFFERED_CHUNKS


def key(source, target):
    return f"{source} > {target}"


class Said:
    """One direction: its bytes, [offset in them, length] of what is missing, and the sequence number
    of the first byte, where it is known."""

    def __init__(self, data, gaps=(), first=None):
        self.data, self.gaps, self.first = data, [list(gap) for gap in gaps], first

    def __eq__(self, other):
        return self.data == other.data and self.gaps == other.gaps


def first_part(said):
    return said.data[:said.gaps[0][0]] if said.gaps else said.data


def parting(one, other):
    """The first byte at which they differ, or one of them is at its end."""
    both = min(len(one.data), len(other.data))
    return next((at for at in range(both) if one.data[at] != other.data[at]), both)


def stops_at_its_gap(ours, theirs):
    """Whether theirs ends exactly where bytes are missing in ours."""
    return bool(ours.gaps) and not theirs.gaps and theirs.data == first_part(ours)


def paired(ours, theirs, rule):
    """Whether each pair is the same or keeps the rule."""
    return len(ours) == len(theirs) and all(a == b or rule(a, b) for a, b in zip(ours, theirs))


def why_tshark(ours, theirs, segments, back):
    """The class of a difference between lists of connections; empty when it is of none."""
    del segments
    if not back and paired(ours, theirs, stops_at_its_gap):
        return "only one side was captured: nothing acknowledges lost bytes, and tshark waits for them"
    return ""


def same_bytes_or(rule):
    """For libtins, which does not say where bytes are missing."""
    return lambda ours, theirs: ours.data == theirs.data or rule(ours, theirs)


def lost_the_first_byte(segments):
    def rule(ours, theirs):
        in_syn = any(s.flags & SYN and s.data and s.seq == ours.first for s in segments)
        return in_syn and theirs.data == ours.data[1:]
    return rule


def are_copies(ours, theirs, segments, back):
    """All of theirs are what ours is, and the capture has it as often: from the first byte on, each
    time behind an end of the connection."""
    starts = [s.frame for s in segments if s.data and s.seq == ours.first]
    ends = [s.frame for s in [*segments, *back] if s.flags & (FIN | RST)]
    anew = [start for start in starts[1:] if any(starts[0] < end < start for end in ends)]
    return len(anew) >= len(theirs) - 1 and all(part.data == ours.data for part in theirs)


class Follower:
    """What libtins holds of one side: where it is, and the segments that came too early."""

    def __init__(self, at):
        self.at, self.early, self.said = at, {}, bytearray()

    def take(self, segment):
        if segment.data and apart(self.at, segment.seq) + len(segment.data) > 0:
            if len(segment.data) > len(self.early.get(segment.seq, b"")):
                self.early[segment.seq] = segment.data
        while True:
            ready = next((seq for seq in self.early if apart(self.at, seq) <= 0), None)
            if ready is None:
                return
            rest = self.early.pop(ready)[-apart(self.at, ready):] if ready != self.at \
                else self.early.pop(ready)
            self.said += rest
            self.at = (self.at + len(rest)) % 2**32


def forgetful(segments, back):
    """What libtins says of a direction, a part each time that it begins anew: it forgets a connection
    of which it holds more segments than it may, and takes the next segment for the first of another,
    and what that acknowledges for where the other side is."""
    parts, sides = [], None
    both = sorted([(s.frame, 0, s) for s in segments] + [(s.frame, 1, s) for s in back],
                  key=lambda one: one[:2])
    for _, side, segment in both:
        if sides is None:
            sides = [None, None]
            sides[side], sides[1 - side] = Follower(segment.seq), Follower(segment.ack)
            parts.append(sides[0].said)
        sides[side].take(segment)
        if sum(len(one.early) for one in sides) > LIBTINS_HOLDS:
            sides = None
    return [bytes(part) for part in parts if part]


def why_libtins(ours, theirs, segments, back):
    """As why_tshark()."""
    if paired(ours, theirs, same_bytes_or(stops_at_its_gap)):
        return "bytes are lost: libtins waits for them"
    if paired(ours, theirs, same_bytes_or(lost_the_first_byte(segments))):
        return "data in a SYN: libtins loses its first byte"
    if len(ours) == 1 and len(theirs) > 1:
        if are_copies(ours[0], theirs, segments, back):
            return "copies of a whole connection behind its end: libtins takes them for another one"
        if [part.data for part in theirs] == forgetful(segments, back):
            return "libtins held 512 segments behind lost ones, forgot the connection, and began anew"
    return ""


def fields(capture, wanted, *names):
    """A list of [value of each name] of the frames that `wanted`, a display filter, shows."""
    taps = [word for name in names for word in ("-e", name)]
    run = subprocess.run(["tshark", "-n", "-r", str(capture), "-Y", wanted, "-T", "fields", *taps],
                         capture_output=True, timeout=300, check=False, text=True)
    return [line.split("\t") for line in run.stdout.splitlines()]


def overlapping_fragments(capture, direction):
    """Whether IPv4 fragments of one datagram between these hosts overlap."""
    source, target = (end.rpartition(":")[0] for end in direction.split(" > "))
    datagrams = defaultdict(list)
    for number, protocol, at, length, header in fields(
            capture, f"ip.src == {source} && ip.dst == {target} && (ip.flags.mf == 1 || ip.frag_offset > 0)",
            "ip.id", "ip.proto", "ip.frag_offset", "ip.len", "ip.hdr_len"):
        begin = 8 * int(at)
        datagrams[number, protocol].append((begin, begin + int(length) - int(header)))
    return any(one[1] > other[0] for parts in datagrams.values()
               for one, other in zip(sorted(parts), sorted(parts)[1:]))


def atomic_fragments(capture, direction):
    """Whether each segment of the direction has a fragment header, of a fragment that is the whole."""
    source, port = direction.split(" > ")[0].rsplit(":", 1)
    found = fields(capture, f"tcp.srcport == {port} && ipv6.src == {source.strip('[]')}",
                   "ipv6.fraghdr.offset", "ipv6.fraghdr.more")
    return bool(found) and all(offset == "0" and more == "0" for offset, more in found)


def begins_with_the_answer(segments, back):
    """Whether the first segment of the connection that was captured is the answer to a SYN."""
    first = segments[0]
    return first.flags & SYN and first.flags & ACK and all(s.frame > first.frame for s in back)


def why_not_at_all(who, capture, direction, ours, theirs, segments, back):
    """Of a direction that only one of the two has."""
    if who == "tshark" and not ours and "[" not in direction and overlapping_fragments(capture, direction):
        return "the datagram's fragments overlap: tshark puts them together, grayxdp drops them (counted)"
    if who == "libtins" and not theirs and segments:
        if atomic_fragments(capture, direction):
            return "libtins finds no TCP behind the fragment header of an atomic fragment (RFC 6946)"
        if begins_with_the_answer(segments, back):
            return "SYN+ACK before SYN: libtins takes its sequence number for a byte's, and waits for it"
    return ""
