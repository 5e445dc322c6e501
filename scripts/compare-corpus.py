#!/usr/bin/env python3
"""Compares `grayxdp requests` with what tshark found in a folder of captures.

Beside each NAME stands NAME.tshark.json: {"requests": [{"stream", "method", "target", "host"}],
"responses": [{"stream", "status"}]}, in order of frames. Each stream's requests and responses are
compared as sequences; every difference is printed with its file and stream, and with its reason
(corpus_reasons.py), then the totals. Each must have one. Streams are matched by their content, because
tshark counts them in its own way.

With --tshark the captures need no such file: tshark is run on each, also for HTTP/2, whose requests
and responses are compared in order of their HTTP/2 streams. Interim responses (1xx) are none.

Bodies: each object that `tshark --export-objects http` writes must be a body that grayxdp found, by
SHA-256, as it was on the wire or with its Content-Encoding undone, which tshark does; unless it is no
body, for a reason: where tshark has lost the thread, it exports single segments, or what stands in one
behind a line with a colon.
"""
import argparse
import difflib
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
import zlib
from collections import Counter, defaultdict

from corpus_reasons import Request, Response, Segments, why, why_object, with_exchange


def text(value):
    """tshark escapes what is no printable ASCII in its own ways: compare without."""
    return "".join(c for c in value or "" if " " <= c <= "~")


def request_key(method, target, host):
    return Request((text(method), text(target), text(host)))


def expected(path):
    found = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    streams = defaultdict(lambda: ([], []))
    for r in found["requests"]:
        key = request_key(r.get("method"), r.get("target"), r.get("host"))
        streams[str(r["stream"])][0].append(key)
    for r in found["responses"]:
        streams[str(r["stream"])][1].append(Response(r["status"]))
    return dict(streams)


def h2_headers(frame):
    """The header fields of an HTTP/2 frame in PDML; the first value of each name."""
    fields = {}
    for header in frame.iter("field"):
        if header.get("name") == "http2.header":
            parts = {f.get("name"): f.get("show") for f in header.iter("field")}
            fields.setdefault(parts.get("http2.header.name"), parts.get("http2.header.value"))
    return fields


def h2_stream_of(frame):
    for name in ("http2.push_promise.promised_stream_id", "http2.streamid"):
        field = next((f for f in frame.iter("field") if f.get("name") == name), None)
        if field is not None:
            return int(field.get("show"))
    return 0


def add_h2(frame, found):
    fields = h2_headers(frame)
    stream = h2_stream_of(frame)
    if ":method" in fields:
        host = fields.get(":authority", fields.get("host"))
        found[0].append((stream, request_key(fields[":method"], fields.get(":path"), host)))
    elif ":status" in fields and not fields[":status"].startswith("1"):
        found[1].append((stream, Response(fields[":status"])))


def add_http1(http, found):
    fields = {f.get("name"): f.get("show") for f in http.iter("field")}
    if "http.request.method" in fields:
        found[0].append((1, request_key(fields["http.request.method"],
                                        fields.get("http.request.uri"), fields.get("http.host"))))
    elif not fields.get("http.response.code", "1").startswith("1"):
        found[1].append((1, Response(fields["http.response.code"])))


def run_tshark(capture):
    """As expected(), from tshark itself."""
    run = subprocess.Popen(["tshark", "-r", str(capture), "-Y", "http || http2", "-T", "pdml"],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    streams = defaultdict(lambda: ([], []))
    for _, packet in xml.etree.ElementTree.iterparse(run.stdout):
        if packet.tag != "packet":
            continue
        number = next(f.get("show") for f in packet.iter("field") if f.get("name") == "tcp.stream")
        for proto in packet.iter("proto"):
            if proto.get("name") == "http2":
                for frame in proto.iter("field"):
                    if frame.get("name") == "http2.stream":
                        add_h2(frame, streams[number])
            elif proto.get("name") == "http":
                add_http1(proto, streams[number])
        packet.clear()
    run.wait()
    return {name: tuple([item for _, item in sorted(part, key=lambda pair: pair[0])]
                        for part in found) for name, found in streams.items()}


def host_of(request):
    hosts = [v for n, v in request["headers"] if n.lower() == "host"]
    return hosts[0] if hosts else ""


def actual(grayxdp, capture):
    run = subprocess.run([*grayxdp, "requests", "--json", "--headers", str(capture)],
                         capture_output=True, timeout=120, check=False)
    if run.returncode != 0:
        print(f"{capture.name}: exit {run.returncode}: {run.stderr.decode().strip()}")
    streams = defaultdict(lambda: ([], []))
    lines = [json.loads(line) for line in run.stdout.decode().splitlines()]
    lines.sort(key=lambda e: (e["stream"], e.get("h2_stream", 0)))
    for e in lines:
        requests, responses = streams[str(e["stream"])]
        if e["request"]:
            r = e["request"]
            host = r["authority"] if "h2_stream" in e else host_of(r)
            requests.append(with_exchange(request_key(r["method"], r["target"], host), e))
        if e["response"]:
            responses.append(with_exchange(Response(e["response"]["status"]), e))
    return dict(streams)


def pair_streams(theirs, ours):
    """Pairs of (name, their stream, our stream): by number when that fits, else by content."""
    empty = ([], [])
    left = dict(ours)
    pairs = []
    for name, stream in list(theirs.items()):
        if left.get(name) == stream:
            pairs.append((name, stream, left.pop(name)))
    done = {name for name, _, _ in pairs}
    for name, stream in theirs.items():
        if name in done:
            continue
        same = next((n for n, s in left.items() if s == stream), None)
        if same is None:
            same = name if name in left else None
        pairs.append((name, stream, left.pop(same) if same is not None else empty))
    pairs += [(f"{name} (ours)", empty, stream) for name, stream in left.items()]
    return pairs


def show(where, kind, side, items, ours, segments):
    """One line for each kind of item, however often it is there; how many have no reason."""
    capture, unexplained = where.split(":")[0], 0
    for item, count in Counter(items).items():
        times = f" (x{count})" if count > 1 else ""
        reason = why(capture, side, kind, item, count, ours, segments)
        unexplained += 0 if reason else count
        print(f"{where}: {kind} only in {side}: {str(item)[:160]}{times}: {reason or 'NOT EXPLAINED'}")
    return unexplained


def compare(kind, where, theirs, ours, segments):
    """Prints what differs; how many of theirs agree."""
    agree = 0
    missing, more = [], []
    matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
    for op, a, b, c, d in matcher.get_opcodes():
        if op == "equal":
            agree += b - a
        else:
            missing += theirs[a:b]
            more += ours[c:d]
    unexplained = show(where, kind, "tshark", missing, ours, segments) + \
        show(where, kind, "grayxdp", more, ours, segments)
    return agree, unexplained


def decoded(body):
    """The body with gzip or deflate undone, whole or as far as it goes; nothing when it has none."""
    for window in (47, -15):
        try:
            undo = zlib.decompressobj(window)
            return undo.decompress(body) + undo.flush()
        except zlib.error:
            continue
    return None


def exported(capture, folder):
    """Each object that tshark writes, by its name."""
    subprocess.run(["tshark", "-n", "-q", "-r", str(capture), "--export-objects", f"http,{folder}"],
                   capture_output=True, timeout=300, check=False)
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


def our_bodies(grayxdp, capture, folder):
    """Each body, and what it is without its coding."""
    subprocess.run([grayxdp, "requests", "--bodies", folder, str(capture)], capture_output=True,
                   timeout=300, check=False)
    bodies = [path.read_bytes() for path in pathlib.Path(folder).iterdir()]
    return bodies + [plain for plain in map(decoded, bodies) if plain]


def compare_bodies(grayxdp, capture, segments):
    """(objects of tshark, those that are bodies of ours, those that are none for a reason); prints the
    others, and how often each reason is one."""
    with tempfile.TemporaryDirectory() as theirs, tempfile.TemporaryDirectory() as ours:
        objects = exported(capture, theirs)
        bodies = our_bodies(grayxdp, capture, ours) if objects else []
    hashes = {hashlib.sha256(body).digest() for body in bodies}
    reasons = Counter()
    rest = [(name, body) for name, body in sorted(objects.items())
            if body and hashlib.sha256(body).digest() not in hashes]
    for name, body in rest:
        reason = why_object(capture.name, name, body, bodies, segments)
        reasons[reason] += 1
        if not reason:
            print(f"{capture.name}: object only in tshark: {name[:80]} ({len(body)} bytes): NOT EXPLAINED")
    unexplained = reasons.pop("", 0)
    for reason, count in reasons.items():
        print(f"{capture.name}: objects only in tshark (x{count}): {reason}")
    return len(objects), len(objects) - len(rest), len(rest) - unexplained


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--grayxdp", default="build/release/grayxdp", help="the program to test")
    parser.add_argument("--tshark", action="store_true", help="run it on every capture")
    parser.add_argument("--requests", type=float, default=99.5, help="percent that must agree")
    parser.add_argument("--responses", type=float, default=99, help="percent that must agree")
    parser.add_argument("--bodies", type=float, default=100, help="percent that must agree")
    args = parser.parse_args()

    totals = {"request": [0, 0, 0], "response": [0, 0, 0]}  # theirs, ours, agreeing
    unexplained, objects, same, no_bodies = 0, 0, 0, 0
    files = sorted(args.folder.glob("*.pcap*" if args.tshark else "*.tshark.json"))
    for path in files:
        capture = path if args.tshark else path.with_name(path.name.removesuffix(".tshark.json"))
        theirs = run_tshark(path) if args.tshark else expected(path)
        segments = Segments(capture)
        pairs = pair_streams(theirs, actual([args.grayxdp], capture))
        for name, theirs, ours in pairs:
            where = f"{capture.name}: stream {name}"
            for index, kind in enumerate(totals):
                total = totals[kind]
                total[0] += len(theirs[index])
                total[1] += len(ours[index])
                agree, open_ends = compare(kind, where, theirs[index], ours[index], segments)
                total[2] += agree
                unexplained += open_ends
        found, equal, explained = compare_bodies(args.grayxdp, capture, segments)
        objects += found - explained
        no_bodies += explained
        same += equal

    passed = bool(files) and not unexplained
    for kind, (theirs, ours, agree) in totals.items():
        share = 100 * agree / theirs if theirs else 100
        needed = args.requests if kind == "request" else args.responses
        passed = passed and share >= needed
        print(f"{kind}s: tshark {theirs}, grayxdp {ours}, agree {agree} = {share:.2f} %"
              f" (needed {needed:g} %)")
    share = 100 * same / objects if objects else 100
    passed = passed and share >= args.bodies
    print(f"bodies: tshark exports {objects}, equal {same} = {share:.2f} % (needed {args.bodies:g} %),"
          f" beside {no_bodies} that are none, for a reason")
    print(f"{unexplained} differences are not explained")
    print(f"{len(files)} files: {'agree' if passed else 'DISAGREE'}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
