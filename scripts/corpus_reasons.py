"""Why grayxdp and tshark list different things in a capture, for compare-corpus.py.

Either one thing in one capture, which somebody has looked at (LOOKED_AT, OBJECTS_LOOKED_AT), or a rule
over the segments as tshark itself decodes them (tcp_segments.py), which can be false of each thing that
it is asked about.
"""
import re

import tcp_segments

# End of the capture's name, who alone has it, what it is: why.
LOOKED_AT = {
    ("261_variant-09-te_obs_fold.pcap", "grayxdp", "request", "GET /smuggled-obsfold target"):
        "tshark does not unfold Transfer-Encoding, and takes the second request for a body",
    ("261_variant-10-multi_value_te.pcap", "tshark", "request", "GET /smuggled-multi-te target"):
        "chunked is not the last coding: RFC 9112 6.3 knows no end, and what follows is body",
    ("connect-with-smtp.pcap", "tshark", "request", "CONNECT mailin03.sul.t-online.de:25 "):
        "the target has a space: tshark ends it there",
    ("connect-with-smtp.pcap", "grayxdp", "request", "CONNECT mailin03.sul.t-online.de:25 / "):
        "the target has a space: all of it is shown",
    ("no-uri.pcap", "tshark", "request", "GET HTTP/1.1 bro.org"):
        "a request line without target: tshark takes the version for it",
    ("no-uri.pcap", "grayxdp", "request", "GET  bro.org"): "a request line without target",
    ("query-method-non-standard-port.pcap", "grayxdp", "request", "QUERY /users example.com"):
        "tshark 4.0 does not know QUERY",
    ("tcp-http-with-padding.pcap", "grayxdp", "request", "GET / "):
        "its line came byte by byte, on no port of HTTP: tshark does not know it before the answer",
    ("http-manipulated.pcap", "tshark", "request", "GET  www.lan:8080"):
        "two spaces in front of the target: tshark ends it there",
    ("http-manipulated.pcap", "grayxdp", "request",
     "GET /aaaaaaaaaaaaaaaaaaaaaaaa_very_long_uri www.lan:8080"):
        "two spaces in front of the target: it begins behind them",
}

# What tshark exports that is no body: end of the capture's name, and of the object.
OBJECTS_LOOKED_AT = {
    ("261_variant-09-te_obs_fold.pcap", "%2f"):
        "tshark does not unfold Transfer-Encoding, and takes the second request for a body",
    ("connect-with-smtp.pcap", "mailin03.sul.t-online.de%3a25"): "SMTP in the tunnel that CONNECT opened",
    ("query-method-non-standard-port.pcap", "object4"):
        "tshark 4.0 does not know QUERY, and takes the whole request for a body",
    ("650HttpResponses.pcap", "object111"):
        "the Content-Length of the response before ends within this segment's headers, as tshark says, "
        "too: what is left of them is no message",
}

# A message may begin right behind the body of another, so not only at the beginning of a line.
STARTS = re.compile(rb"HTTP/\d\.\d \d{3}[^\r\n]*\r?\n|[A-Z]{3,} [^\r\n]* HTTP/\d\.\d\r?\n")


class Request(tuple):
    """(method, target, host), equal to another of the same, and the exchange it is of, if it is ours."""
    exchange = None

    def __str__(self):
        return " ".join(self)


class Response(int):
    """A status."""
    exchange = None


def with_exchange(item, exchange):
    item.exchange = exchange
    return item


class Segments:
    """The directions of a capture, read when they are asked for."""

    def __init__(self, capture):
        self.capture, self.read, self.parted = capture, None, {}

    def of(self, direction):
        if self.read is None:
            self.read = tcp_segments.directions(self.capture)
        return self.read.get(direction, [])

    def stretches(self, direction):
        if direction not in self.parted:
            self.parted[direction] = tcp_segments.Stretches(self.of(direction))
        return self.parted[direction]

    def all(self):
        self.of("")
        return self.read


def direction_of(item, kind):
    ends = (item.exchange["client"], item.exchange["server"])
    return " > ".join(ends if kind == "request" else reversed(ends))


def first_line(item, kind):
    """What the message must begin with."""
    if kind == "response":
        return re.compile(rb"HTTP/1\.\d %d[^\r\n]*\r?\n" % item)
    method, target = item.exchange["request"]["method"], item.exchange["request"]["target"]
    return re.compile(re.escape(f"{method} {target} HTTP/1.".encode()) + rb"\d\r?\n")


def behind_lost_bytes(same, kind, count, segments):
    """Its first line stands in the capture at least `count` times behind bytes that no segment has, or
    is that of a message that runs into them."""
    direction = direction_of(same[0], kind)
    back = segments.of(tcp_segments.other_side(direction))
    if any(segment.flags & tcp_segments.ACK for segment in back):
        return ""
    stretches, line = segments.stretches(direction), first_line(same[0], kind)
    found = sum(len(line.findall(data)) for _, data in stretches.behind_a_loss())
    if incomplete(same, kind):
        found += any(runs_into_the_end(line, data) for _, data in stretches.cut()[:1])
    return "only one side was captured, and bytes are lost before it or in it: tshark waits for them" \
        if found >= count else ""


def incomplete(same, kind):
    return sum(not item.exchange[kind]["complete"] for item in same)


def runs_into_the_end(line, data):
    """Whether the last message of this stretch begins with that line."""
    last = [match.start() for match in STARTS.finditer(data)][-1:]
    return bool(last) and line.match(data, last[0]) is not None


def without_end(same, kind, count, segments):
    """Messages whose end was not captured: bytes behind their first line are lost, or neither FIN nor
    RST was captured."""
    if count > incomplete(same, kind):
        return ""
    direction = direction_of(same[0], kind)
    stretches, line = segments.stretches(direction), first_line(same[0], kind)
    if count <= sum(runs_into_the_end(line, data) for _, data in stretches.cut()):
        return "bytes are lost within this body: tshark waits for them"
    ends = tcp_segments.FIN | tcp_segments.RST
    if count > 1 or any(segment.flags & ends for segment in segments.of(direction)):
        return ""
    return "the capture ends within this body: tshark waits for the rest" \
        if stretches.found and runs_into_the_end(line, stretches.found[-1][1]) else ""


def simple(same, kind, count, segments):
    """HTTP/0.9: a line without a version, and an answer without any."""
    direction = " > ".join((same[0].exchange["client"], same[0].exchange["server"]))
    asked = b"".join(data for _, data in segments.stretches(direction).found)
    if count != 1 or not re.fullmatch(rb"GET \S+ *\r?\n(\r?\n)?", asked):
        return ""
    if kind == "request":
        return "a request of HTTP/0.9: tshark waits for headers behind its line"
    answer = segments.stretches(tcp_segments.other_side(direction)).found
    return "no status line: what answers a request of HTTP/0.9" \
        if same[0] == 0 and answer and not answer[0][1].startswith(b"HTTP/") else ""


def out_of_order(same, kind, count, segments):
    """tshark, told to put segments in order, has as many answers of that status as grayxdp."""
    del count
    if kind != "response":
        return ""
    found = tcp_segments.rows(segments.capture, f"http.response.code == {int(same[0])}",
                              options=("-o", "tcp.reassemble_out_of_order:TRUE"))
    return "segments out of order: with tcp.reassemble_out_of_order tshark has it, too" \
        if sum(direction == direction_of(same[0], kind) for direction, _ in found) == len(same) else ""


def why(capture, side, kind, item, count, ours, segments):
    """Why `count` such things more are in one list than in the other; empty when nobody knows. `ours`
    is what grayxdp has in this stream."""
    for (end, whose, what, shown), reason in LOOKED_AT.items():
        if capture.endswith(end) and (whose, what, shown, 1) == (side, kind, str(item), count):
            return reason
    if side == "tshark":
        return "interim, and no exchange of its own" if kind == "response" and 100 <= item < 200 else ""
    same = [one for one in ours if one == item]  # which of them are more is not told
    return next(filter(None, (rule(same, kind, count, segments)
                              for rule in (behind_lost_bytes, without_end, simple, out_of_order))), "")


def why_object(capture, name, body, bodies, segments):
    """Why an object that tshark exports is no body of ours."""
    for (end, what), reason in OBJECTS_LOOKED_AT.items():
        if capture.endswith(end) and what == name:
            return reason
    for direction, found in segments.all().items():
        for segment in found:
            if segment.data == body and any(body in other for other in bodies):
                return "a segment of a body that grayxdp has as a whole"
            if segment.data == body or segment.data.endswith(b"\n" + body):
                if without_a_beginning(segment, segments.stretches(direction)):
                    return "a segment or its end, behind lost bytes, and no message begins between"
                if is_http2(body, direction, segments):
                    return "frames of HTTP/2, as they are in a segment"
    return ""


def without_a_beginning(segment, stretches):
    """Whether bytes in front of this segment are lost, and no message begins from there to its end."""
    for begin, data in stretches.behind_a_loss():
        at = tcp_segments.apart(begin, segment.seq)
        if 0 <= at < len(data):
            return STARTS.search(data[:at + len(segment.data)]) is None
    return False


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def is_http2(data, direction, segments):
    """Whether it is frames from its beginning to its end, or begins with the preface, and one side of
    the connection has said that."""
    said = [part for one in (direction, tcp_segments.other_side(direction))
            for _, part in segments.stretches(one).found]
    at = len(PREFACE) if data.startswith(PREFACE) else 0
    while at + 9 <= len(data) and data[at + 3] <= 9:  # RFC 9113 section 6
        at += 9 + int.from_bytes(data[at:at + 3], "big")
    return at == len(data) and any(PREFACE in part for part in said)
