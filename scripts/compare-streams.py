#!/usr/bin/env python3
"""Compares what each direction of each TCP connection says, byte for byte: grayxdp with libtins and
with `tshark -z follow,tcp,raw`, over a folder of captures and over captures made here, of which the
bytes are known.

Rules of recovery: of bytes sent twice the first stay, in all three. A connection may begin in its
middle. Of lost bytes grayxdp and tshark say how many they were, and go on; libtins is not told to
recover (its recovery skips by a window, not by acknowledgements), so it must agree up to the first.
libtins gets the segments that grayxdp's decoder found, tshark the file.

The captures made here are cut at random, out of order, doubled, with overlaps, keep-alives, wrapping
sequence numbers and, in half of them, lost segments, of each link type, in each tunnel and in IP
fragments; all three must give the bytes that were sent.

And each direction of each capture is held against a model over the segments that tshark decodes
(tcp_segments.py): each byte is the first that a segment had there, no segment has what is said to be
missing, and no segment has more. So no reason for a difference can hide a fault of grayxdp's.

Each difference is of a class, which is a rule over these segments that says where the two part
(stream_said.py), or is not explained, which fails. Exits 1 then, or when fewer directions than --tshark
and --libtins, in percent, are the same without a class. --verbose: one line for each difference.

--threads: and `grayxdp requests --json` must list the same with one thread and with several.
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict

import tcp_segments
from made_envelopes import COUNT
from made_streams import make_capture
from stream_said import Said, first_part, key, parting, why_libtins, why_not_at_all, why_tshark

CAPTURES = {".pcap", ".pcapng", ".cap"}
MISSING = re.compile(rb"\[(\d+) bytes missing in capture file\]\0")


def run_streambench(program, capture, folder):
    """{who: {direction: [Said]}} of grayxdp and libtins."""
    subprocess.run([program, "--follow", str(capture), "--into", folder], check=True,
                   capture_output=True, timeout=120)
    found = {"grayxdp": defaultdict(list), "libtins": defaultdict(list)}
    for line in pathlib.Path(folder, "INDEX").read_text().splitlines():
        who, source, target, name, gaps, first = line.split("\t")
        gaps = [] if gaps == "-" else [map(int, gap.split(":")) for gap in gaps.split(",")]
        said = Said(pathlib.Path(folder, name).read_bytes(), gaps, None if first == "-" else int(first))
        found[who][key(source, target)].append(said)
    return found


def said_by_tshark(lines):
    """Of one direction: its segments in hexadecimal, among them what says that bytes are missing."""
    data, gaps = bytearray(), []
    for line in lines:
        piece = bytes.fromhex(line)
        missing = MISSING.fullmatch(piece)
        if missing:
            gaps.append([len(data), int(missing[1])])
        else:
            data += piece
    return Said(bytes(data), gaps)


def run_tshark(capture, count):
    """{direction: [Said]} of its first `count` streams, by one run."""
    taps = [word for n in range(count) for word in ("-z", f"follow,tcp,raw,{n}")]
    run = subprocess.run(["tshark", "-n", "-q", "-r", str(capture), *taps], capture_output=True,
                         timeout=300, check=False, text=True)
    found = defaultdict(list)
    streams = []
    for part in run.stdout.split("=" * 67 + "\n"):
        head = re.match(r"\nFollow: tcp,raw\nFilter: tcp.stream eq (\d+)\nNode 0: (.*)\nNode 1: (.*)\n",
                        "\n" + part.lstrip("\n"))
        if head and head[2] != ":0":
            lines = part[head.end() - 1:].splitlines()
            sides = [line for line in lines if line and not line.startswith("\t")], \
                    [line[1:] for line in lines if line.startswith("\t")]
            streams.append((int(head[1]), head[2], head[3], sides))
    for _, one, other, sides in sorted(streams, key=lambda stream: stream[0]):
        for source, target, lines in ((one, other, sides[0]), (other, one, sides[1])):
            said = said_by_tshark(lines)
            if said.data:
                found[key(source, target)].append(said)
    return found


def outline(saids):
    return [(len(said.data), said.gaps[:3]) for said in saids]


class Capture:
    """What all of them find in one capture, {direction: [...]}."""

    def __init__(self, args, path):
        self.path = path
        with tempfile.TemporaryDirectory() as folder:
            found = run_streambench(args.streambench, path, folder)
        self.ours, self.libtins = found["grayxdp"], found["libtins"]
        self.tshark = run_tshark(path, sum(map(len, self.ours.values())) + 4)
        self.segments = tcp_segments.directions(path)

    def sides(self, direction):
        """The segments of the direction, and of the other one."""
        return (self.segments.get(direction, []),
                self.segments.get(tcp_segments.other_side(direction), []))

    def wrong(self):
        """[direction, what of it is not as the segments are], of grayxdp."""
        for direction, saids in self.ours.items():
            segments, back = self.sides(direction)
            for said in saids:
                fault = tcp_segments.why_wrong(said, segments, back)
                if fault:
                    yield direction, fault
            frame = tcp_segments.left_out(saids, segments, back)
            if frame is not None:
                yield direction, f"the bytes of frame {frame} are left out"
        for direction, segments in self.segments.items():
            lost = next((s.frame for s in segments if s.data), None)
            if lost is not None and direction not in self.ours:
                yield direction, f"the bytes of frame {lost} are left out"

    def why(self, who, direction, ours, theirs):
        segments, back = self.sides(direction)
        if not ours or not theirs:
            reason = why_not_at_all(who, self.path, direction, ours, theirs, segments, back)
            if reason:
                return reason
        return {"tshark": why_tshark, "libtins": why_libtins}[who](ours, theirs, segments, back)


class Tally:
    def __init__(self, verbose):
        self.verbose = verbose
        self.total, self.same = Counter(), Counter()
        self.classes = {"tshark": Counter(), "libtins": Counter()}
        self.unexplained = self.proved = 0

    def add(self, capture):
        wrong = dict(capture.wrong())
        self.proved += sum(len(saids) for direction, saids in capture.ours.items() if direction not in wrong)
        for who, found in (("tshark", capture.tshark), ("libtins", capture.libtins)):
            for direction in sorted(set(capture.ours) | set(found)):
                self.compare(who, capture, direction, found.get(direction, []))
                if direction not in capture.ours:
                    wrong.pop(direction, "")  # it is explained, or is not, as tshark has it
        for direction, fault in wrong.items():
            self.unexplained += 1
            print(f"{capture.path.name}: {direction}: {fault}: NOT EXPLAINED")

    def compare(self, who, capture, direction, theirs):
        ours = capture.ours.get(direction, [])
        count = max(len(ours), len(theirs))
        self.total[who] += count
        plain = who == "libtins"  # does not say where bytes are missing
        if len(ours) == len(theirs) and all(a.data == b.data if plain else a == b
                                            for a, b in zip(ours, theirs)):
            self.same[who] += count
            return
        reason = capture.why(who, direction, ours, theirs)
        if reason:
            self.classes[who][reason] += count
        else:
            self.unexplained += count
        if self.verbose or not reason:
            at = next((parting(a, b) for a, b in zip(ours, theirs) if a.data != b.data), 0)
            print(f"{capture.path.name}: {direction}: from byte {at} on: grayxdp {outline(ours)}, "
                  f"{who} {outline(theirs)}: {reason or 'NOT EXPLAINED'}")

    def print(self, who):
        share = 100 * self.same[who] / max(self.total[who], 1)
        print(f"{who}: {self.total[who]} directions, the same {self.same[who]} = {share:.2f} %")
        for reason, count in self.classes[who].most_common():
            print(f"  {count}: {reason}")
        return share


def same_for_threads(args, capture):
    """Whether several threads list what one does."""
    lists = [subprocess.run([args.threads, "requests", "--json", "--headers", "--threads", count,
                             str(capture)], capture_output=True, timeout=120, check=False).stdout
             for count in ("1", "2", "3")]
    return lists[0] == lists[1] == lists[2]


def compare_made(args, count):
    """How many directions of the captures made here are not what was sent."""
    wrong = total = 0
    for seed in range(count):
        with tempfile.TemporaryDirectory() as folder:
            capture = pathlib.Path(folder, "made.pcap")
            envelope, truth = make_capture(capture, seed)
            found_in = Capture(args, capture)
        faults = dict(found_in.wrong())
        for direction, said in truth.items():
            total += 1
            found = {"grayxdp": found_in.ours.get(direction) == said,
                     "libtins": [s.data for s in found_in.libtins.get(direction, [])]
                                == [first_part(s) for s in said],
                     "tshark": found_in.tshark.get(direction) == said,
                     "the model": direction not in faults}
            if not all(found.values()):
                wrong += 1
                others = [who for who, same in found.items() if not same]
                print(f"seed {seed}, {envelope}: {direction}: not as sent: {others}")
    print(f"captures made here: {total} directions, {total - wrong} as sent, by all three and the model")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--streambench", default="build/release/streambench")
    parser.add_argument("--threads", metavar="GRAYXDP", help="compare its numbers of threads, too")
    parser.add_argument("--made", type=int, default=2 * COUNT, help="how many captures to make")
    parser.add_argument("--tshark", type=float, default=84.7, help="percent that must be the same")
    parser.add_argument("--libtins", type=float, default=82.2, help="percent that must be the same")
    parser.add_argument("--verbose", action="store_true", help="print each difference")
    args = parser.parse_args()

    captures = sorted(path for path in args.folder.iterdir() if path.suffix in CAPTURES)
    tally = Tally(args.verbose)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for capture in pool.map(lambda path: Capture(args, path), captures):
            tally.add(capture)
        listed = list(pool.map(lambda c: same_for_threads(args, c), captures)) if args.threads else []
    wrong = compare_made(args, args.made)
    for capture, same in zip(captures, listed):
        if not same:
            print(f"{capture.name}: 1, 2 and 3 threads do not list the same")
    if listed:
        print(f"threads: {sum(listed)} of {len(listed)} captures list the same with 1, 2 and 3")
    print(f"as the segments of tshark, byte by byte: {tally.proved} directions")
    shares = [tally.print(who) for who in ("tshark", "libtins")]
    print(f"{tally.unexplained} differences are not explained")
    passed = bool(captures) and not wrong and not tally.unexplained and all(listed) and \
        shares[0] >= args.tshark and shares[1] >= args.libtins
    print(f"{len(captures)} files: {'agree' if passed else 'DISAGREE'}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
