// Planted secrets, end to end: none gets past the scrubber into anything that grayxdp sends, writes
// or prints; and all of them do with --scrub off, so that looking for them can find something.
#include <gtest/gtest.h>

#include <array>

#include "userspace/lab/production.h"

namespace gray {
namespace {

constexpr std::array kSecrets{"sk-live-9f8a7b6c5d4e3f2a1b0c", "s3ss10n-4c1d9b7e6a5f", "13812345678",
                              "11010519491231002X", "4111111111111111"};

struct Recorded {
  Recorded() : production(lab.production, "10.9.0.2", kEcho) {
    const std::string base = kProductionUrl;
    Process capture = lab.start_grayxdp({"capture", "-i", "vb", "--port", "80", "-w", file()});
    lab.curl({"-H", std::string("Authorization: Bearer ") + kSecrets[0], base + "/bearer"});
    lab.curl({"-b", std::string("theme=dark; session=") + kSecrets[1], base + "/cookie"});
    lab.curl({base + "/query?page=2&phone=" + kSecrets[2] + "&token=" + kSecrets[0]});
    lab.curl({base + "/encoded?q=%31%33%38%31%32%33%34%35%36%37%38"});
    lab.curl({"-H", "Content-Type: application/json", "-d",
              std::string(R"({"phone":")") + kSecrets[2] + R"(","id":")" + kSecrets[3] +
                  R"(","pay":[{"card":)" + kSecrets[4] + "}]}",
              base + "/json"});
    lab.curl({"-d", std::string("card=") + kSecrets[4] + "&note=a+b", base + "/form"});
    lab.curl({"-H", "Content-Type: text/plain", "-d", std::string("call me: ") + kSecrets[2],
              base + "/text"});
    lab.curl({"-e", std::string("http://x/?session=") + kSecrets[1], base + "/referer"});
    EXPECT_EQ(interrupt(capture), 0) << capture.err();
  }
  std::string file() const { return lab.dir / "secrets.pcapng"; }

  // Production echoes bodies, so its answers are full of secrets, too.
  static constexpr const char* kEcho =
      "location / { echo_read_request_body; echo $request_uri; echo_request_body; }";

  ProductionLab lab;
  Nginx production;
};

std::string found_in(const std::string& text) {
  std::string found;
  for (const char* secret : kSecrets)
    if (text.find(secret) != std::string::npos) found += std::string(secret) + " ";
  if (text.find("%31%33%38%31%32%33%34%35%36%37%38") != std::string::npos) found += "encoded ";
  return found;
}

// All that came out of a replay: the canary's log with headers and bodies, trials, report, output.
std::string everything(const Recorded& recorded, const Nginx& canary, const Argv& more) {
  Argv arguments{"replay",
                 recorded.file(),
                 "--to",
                 kCanaryUrl,
                 "-t",
                 "--allow-method",
                 "GET,POST",
                 "--trials",
                 recorded.lab.dir / "trials.jsonl",
                 "--report",
                 recorded.lab.dir / "report.html"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const RunResult result = recorded.lab.grayxdp(arguments);
  return canary.log() + result.out + result.err + read_text(recorded.lab.dir / "trials.jsonl") +
         read_text(recorded.lab.dir / "report.html");
}

TEST(Secrets, AreNowhereAfterScrubbing) {
  Recorded recorded;
  ASSERT_NE(found_in(recorded.production.log()), "");
  const Nginx canary(recorded.lab.canary, "10.9.1.2", Recorded::kEcho);
  const std::string text = everything(recorded, canary, {});
  EXPECT_EQ(found_in(text), "");
  EXPECT_NE(text.find("/json"), std::string::npos) << "the canary got nothing";
  EXPECT_NE(text.find("page=2"), std::string::npos) << "what is no secret stays";
}

TEST(Secrets, AreFoundWithoutScrubbing) {
  Recorded recorded;
  const Nginx canary(recorded.lab.canary, "10.9.1.2", Recorded::kEcho);
  const std::string found = found_in(everything(recorded, canary, {"--scrub", "off"}));
  for (const char* secret : kSecrets) EXPECT_NE(found.find(secret), std::string::npos) << secret;
}

}  // namespace
}  // namespace gray
