// HTTP/1 as real programs speak it, on a real wire: curl, through a forward proxy and through its
// CONNECT tunnel, with chunked uploads, 100-continue, HTTP/1.0, ranges, pipelined and HTTP/0.9
// requests. What `requests` lists is what was sent, exactly.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "userspace/lab/production.h"

namespace gray {
namespace {

// A forward proxy (RFC 9110 section 7.6): absolute-form requests go on with the origin's own form,
// CONNECT becomes a tunnel.
constexpr const char* kProxy = R"(
import socket, sys, threading, urllib.parse
def pump(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
    except OSError: pass
    try: b.shutdown(socket.SHUT_WR)
    except OSError: pass
def serve(client):
    head = b''
    while b'\r\n\r\n' not in head: head += client.recv(65536)
    head, rest = head.split(b'\r\n\r\n', 1)
    line, _, fields = head.partition(b'\r\n')
    method, target, version = line.decode().split()
    if method == 'CONNECT':
        host, port = target.split(':')
        origin = socket.create_connection((host, int(port)))
        client.sendall(b'HTTP/1.1 200 Connection established\r\n\r\n')
        origin.sendall(rest)
    else:
        url = urllib.parse.urlsplit(target)
        origin = socket.create_connection((url.hostname, url.port or 80))
        line = f'{method} {url.path} {version}\r\nConnection: close\r\n'.encode()
        origin.sendall(line + fields + b'\r\n\r\n' + rest)
    threading.Thread(target=pump, args=(client, origin), daemon=True).start()
    pump(origin, client)
    client.close()
listener = socket.create_server(('10.9.0.2', 3128))
print('ready', flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
)";

// Sends its second argument, with \r and \n as escapes, and reads to the end.
constexpr const char* kRaw = R"(
import socket, sys
s = socket.create_connection(('10.9.0.2', 80))
s.sendall(sys.argv[1].encode().decode('unicode_escape').encode('latin-1'))
s.settimeout(5)
while s.recv(65536): pass
)";

/// "GET /a 200 0": method, target, status, bytes of the request's body; sorted.
std::vector<std::string> listed(const ProductionLab& lab, const Argv& arguments) {
  const RunResult result = lab.grayxdp(arguments);
  EXPECT_TRUE(result.ok()) << result.err;
  std::vector<std::string> lines;
  for (const nlohmann::json& e : json_lines(result.out)) {
    EXPECT_TRUE(e["request"]["complete"].get<bool>() && e["response"]["complete"].get<bool>()) << e;
    lines.push_back(e["request"]["method"].get<std::string>() + " " +
                    e["request"]["target"].get<std::string>() + " " +
                    std::to_string(e["response"]["status"].get<int>()) + " " +
                    std::to_string(e["request"]["body_bytes"].get<int>()));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

struct Http1Lab : ProductionLab {
  Http1Lab()
      : origin(production, "10.9.0.2", "location /file { root " + dir.path().string() + "; }"),
        proxy(production.spawn({"python3", "-c", kProxy})) {
    std::ofstream(dir / "file") << "0123456789";
    std::ofstream(dir / "upload") << std::string(300'000, 'u');
    std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
    for (int i = 0; i < 100 && proxy.out().empty(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }

  void talk() const {
    const std::string by = "http://10.9.0.2:3128";
    curl({"-x", by, "http://10.9.0.2/by-proxy"});
    curl({"-x", by, "-d", "a=1", "http://10.9.0.2/form"});
    curl({"-p", "-x", by, "http://10.9.0.2/in-tunnel", "http://10.9.0.2/again"});
    curl({"-T", dir / "upload", "-H", "Transfer-Encoding: chunked", "http://10.9.0.2/chunked"});
    curl({"-X", "POST", "--data-binary", "@" + (dir / "upload"), "-H", "Expect: 100-continue",
          "http://10.9.0.2/continue"});
    curl({"--http1.0", "http://10.9.0.2/old"});
    curl({"-I", "http://10.9.0.2/head"});
    curl({"-r", "0-1,4-5", "http://10.9.0.2/file"});
    raw("GET /p1 HTTP/1.1\\r\\nHost: h\\r\\n\\r\\nGET /p2 HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n"
        "GET /p3 HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n");
    raw("GET /bare\\r\\n");
  }
  void raw(const std::string& text) const { users.must_run({"python3", "-c", kRaw, text}); }

  Nginx origin;
  Process proxy;
};

TEST(Http1, ListsExactlyWhatProgramsSent) {
  const Http1Lab lab;
  const std::string file = lab.dir / "wire.pcapng";
  Process capture = lab.start_grayxdp({"capture", "-i", "vb", "-w", file});
  lab.talk();
  ASSERT_EQ(interrupt(capture), 0) << capture.err();
  std::vector<std::string> sent{"GET http://10.9.0.2/by-proxy 200 0",
                                "POST http://10.9.0.2/form 200 3",
                                "CONNECT 10.9.0.2:80 200 0",
                                "GET /in-tunnel 200 0",
                                "GET /again 200 0",
                                "PUT /chunked 200 300000",
                                "POST /continue 200 300000",
                                "GET /old 200 0",
                                "HEAD /head 200 0",
                                "GET /file 206 0",
                                "GET /p1 200 0",
                                "GET /p2 200 0",
                                "GET /p3 200 0",
                                "GET /bare 0 0"};
  std::sort(sent.begin(), sent.end());
  EXPECT_EQ(listed(lab, {"requests", "--json", file}), sent);

  // What is cut out holds the same exchanges, also of one connection among others.
  const std::string cut = lab.dir / "cut.pcapng";
  EXPECT_EQ(listed(lab, {"requests", "--json", "-w", cut, file}), sent);
  EXPECT_EQ(listed(lab, {"requests", "--json", cut}), sent);
  const std::vector<std::string> by_proxy =
      listed(lab, {"requests", "--json", "-w", cut, file, "tcp", "port", "3128"});
  EXPECT_EQ(by_proxy.size(), 5U);
  EXPECT_EQ(listed(lab, {"requests", "--json", cut}), by_proxy);
}

}  // namespace
}  // namespace gray
