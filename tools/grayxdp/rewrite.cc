// The verb `rewrite`: frames from a capture file, rewritten, into a pcapng file. One thread reads,
// rewrites and writes; a frame that a rule for addresses cannot be applied to is not let through.

#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstring>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "replay/rewrite/rewriter.h"
#include "replay/rewrite/segment.h"
#include "tools/grayxdp/rewrite_flags.h"
#include "tools/grayxdp/stop.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/errors.h"
#include "userspace/base/ledger.h"
#include "userspace/pcapng/reader.h"
#include "userspace/pcapng/writer.h"

namespace gray {
namespace {

struct RewriteVerb {
  std::string in;
  std::string out;
  RewriteFlags flags;
  std::size_t mtu = 0;
  bool fragment = false;
  std::string refused;
  bool json = false;
};

/// What becomes of a frame that a rule cannot be applied to.
enum class Refused { Drop, Keep };

Refused refused_frames(const RewriteVerb& verb, const Rewriter& rewriter) {
  if (!verb.refused.empty()) return verb.refused == "keep" ? Refused::Keep : Refused::Drop;
  return rewriter.refused_must_stop() || verb.mtu != 0 ? Refused::Drop : Refused::Keep;
}

void refuse_same_file(const RewriteVerb& verb) {
  struct stat in {};
  struct stat out {};
  if (verb.in == "-" || verb.out == "-" || stat(verb.in.c_str(), &in) != 0 ||
      stat(verb.out.c_str(), &out) != 0)
    return;
  if (S_ISREG(in.st_mode) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
    throw UsageError(fmt::format("rewrite: {} cannot be read and written at once", verb.in));
}

/// Every interface that a file describes, before its frames are written: in a pcapng file a
/// description may stand anywhere. Of a pipe, only what stands before its first frame is known.
std::vector<InterfaceInfo> scan_interfaces(const std::string& path) {
  struct stat status {};
  if (path == "-" || stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  CaptureReader reader(path);
  for (Frame frame; reader.next(frame);) reader.give_back(frame);
  return {reader.interfaces().begin(), reader.interfaces().end()};
}

/// Counts of one run; the ledger is made of them.
struct RewriteCounts {
  std::uint64_t taken = 0;
  std::uint64_t changed = 0;
  std::array<std::uint64_t, kRewriteRefusals> refused{};
  std::array<std::uint64_t, kCutRefusals> uncut{};
  std::uint64_t rewritten = 0;  ///< given on by the stage that rewrites
  std::uint64_t cut = 0;        ///< given on by the stage that cuts, in frames
  std::uint64_t pieces = 0;     ///< offered to the writer
};

class RewriteRun {
 public:
  RewriteRun(const RewriteVerb& verb, const Rewriter& rewriter)
      : rewriter_(rewriter),
        refused_(refused_frames(verb, rewriter)),
        sides_(verb.flags.sides_options()),
        room_(kMaxCapturedBytes + kRewriteGrowth),
        piece_(kMaxCapturedBytes + kRewriteGrowth) {
    if (verb.mtu != 0)
      segmenter_.emplace(verb.mtu, verb.fragment ? OtherThanTcp::Fragment : OtherThanTcp::Refuse);
  }

  /// Everything in `reader` up to its end or to a signal.
  void run(CaptureReader& reader, PcapngWriter& writer, const Stop& stop,
           std::optional<Frame> first) {
    Frame frame;
    if (first) take(*first, writer, reader);
    while (!stop.requested() && !writer.failure() && !reader.ended())
      if (reader.next(frame, std::chrono::milliseconds(100))) take(frame, writer, reader);
  }

  const RewriteCounts& counts() const noexcept { return counts_; }
  bool drops() const noexcept { return refused_ == Refused::Drop; }
  bool cuts() const noexcept { return segmenter_.has_value(); }

 private:
  void take(const Frame& frame, PcapngWriter& writer, CaptureReader& reader) {
    ++counts_.taken;
    if (const std::optional<Frame> out = rewrite(frame)) put(*out, writer);
    reader.give_back(frame);
  }

  std::optional<Frame> rewrite(const Frame& frame) {
    Frame out = frame;
    if (!rewriter_.idle() && frame.bytes.size() + kRewriteGrowth <= room_.size()) {
      const Way way = rewriter_.needs_way() ? sides_.way(frame) : Way::ClientToServer;
      std::memcpy(room_.data(), frame.bytes.data(), frame.bytes.size());
      const Rewritten result =
          rewriter_.apply(room_, frame.bytes.size(), frame.wire_len, frame.link, way);
      if (result.refusal != RewriteRefusal::None) {
        ++counts_.refused[static_cast<std::size_t>(result.refusal)];
        if (drops()) return std::nullopt;
      }
      out.bytes = std::span(room_).first(result.length);
      out.wire_len = result.wire_length;
      counts_.changed += !std::ranges::equal(out.bytes, frame.bytes);
    }
    ++counts_.rewritten;
    return out;
  }

  void put(Frame frame, PcapngWriter& writer) {
    const CutPlan plan =
        segmenter_ ? segmenter_->plan(frame.bytes, frame.wire_len, frame.link) : CutPlan{};
    if (plan.refusal != CutRefusal::None) {
      ++counts_.uncut[static_cast<std::size_t>(plan.refusal)];
      if (drops()) return;
    }
    ++counts_.cut;
    if (plan.pieces <= 1) return write(frame, writer);
    const auto whole = frame.bytes;
    for (std::uint32_t i = 0; i < plan.pieces; ++i) {
      frame.bytes = std::span(piece_).first(segmenter_->write(plan, whole, i, piece_));
      frame.wire_len = static_cast<std::uint32_t>(frame.bytes.size());
      write(frame, writer);
    }
  }

  void write(const Frame& frame, PcapngWriter& writer) {
    ++counts_.pieces;
    writer.write(frame);
  }

  const Rewriter& rewriter_;
  Refused refused_;
  Sides sides_;
  std::optional<Segmenter> segmenter_;
  std::vector<std::uint8_t> room_;
  std::vector<std::uint8_t> piece_;
  RewriteCounts counts_;
};

template <class Reason, std::size_t N>
std::vector<Drop> drops_of(const std::array<std::uint64_t, N>& counts, bool dropped) {
  std::vector<Drop> drops;
  for (std::size_t i = 1; i < N; ++i)
    drops.push_back({std::string(to_string(static_cast<Reason>(i))), dropped ? counts[i] : 0});
  return drops;
}

Ledger account(const RewriteRun& run, const CaptureReader& reader, const PcapngWriter& writer) {
  const RewriteCounts& counts = run.counts();
  Ledger ledger;
  ledger.add({.name = "file", .in = reader.frames(), .out = counts.taken});
  ledger.add({.name = "rewrite",
              .in = counts.taken,
              .out = counts.rewritten,
              .drops = drops_of<RewriteRefusal>(counts.refused, run.drops())});
  if (run.cuts())
    ledger.add({.name = "cut",
                .in = counts.rewritten,
                .out = counts.cut,
                .drops = drops_of<CutRefusal>(counts.uncut, run.drops())});
  const std::uint64_t safe = writer.failure() ? writer.frames_safe() : writer.frames_written();
  ledger.add({.name = "writer",
              .unit = run.cuts() ? "pieces" : "frames",
              .in = counts.pieces,
              .out = safe,
              .drops = {{"failed", counts.pieces - safe}}});
  return ledger;
}

nlohmann::ordered_json refusals_json(const RewriteCounts& counts) {
  nlohmann::ordered_json refused = nlohmann::ordered_json::object();
  for (const Drop& drop : drops_of<RewriteRefusal>(counts.refused, true))
    if (drop.count != 0) refused[drop.name] = drop.count;
  for (const Drop& drop : drops_of<CutRefusal>(counts.uncut, true))
    if (drop.count != 0)
      refused[drop.name] = refused.value(drop.name, std::uint64_t{0}) + drop.count;
  return refused;
}

void print_summary(std::ostream& out, const RewriteVerb& verb, const RewriteRun& run,
                   const Ledger& ledger, const PcapngWriter& writer) {
  const RewriteCounts& counts = run.counts();
  const nlohmann::ordered_json refused = refusals_json(counts);
  if (verb.json) {
    const nlohmann::ordered_json summary{{"verb", "rewrite"},
                                         {"frames",
                                          {{"read", counts.taken},
                                           {"changed", counts.changed},
                                           {"written", ledger.stages().back().out},
                                           {"refused", refused},
                                           {"refused_are", run.drops() ? "dropped" : "kept"}}},
                                         {"bytes", {{"written", writer.bytes_safe()}}},
                                         {"ledger", to_json(ledger)},
                                         {"balanced", ledger.balanced()},
                                         {"lost", ledger.lost()}};
    out << summary.dump() << std::endl;
    return;
  }
  std::string why;
  for (const auto& [name, count] : refused.items())
    why += fmt::format("{}{} {}", why.empty() ? ": " : ", ", name, count.get<std::uint64_t>());
  out << fmt::format("{} frames read, {} changed, {} written{}{}\n", counts.taken, counts.changed,
                     ledger.stages().back().out,
                     why.empty()   ? ""
                     : run.drops() ? "; dropped because no rule could be applied"
                                   : "; kept although no rule could be applied",
                     why);
  print(out, ledger);
}

int rewrite_file(const RewriteVerb& verb) {
  const Rewriter rewriter(verb.flags.options());
  if (rewriter.idle() && verb.mtu == 0)
    throw UsageError("rewrite: nothing to do: give a rule, as --srcipmap (see --help)");
  if (verb.fragment && verb.mtu == 0) throw UsageError("rewrite: --fragment needs --mtu");
  RewriteRun run(verb, rewriter);
  refuse_same_file(verb);

  std::vector<InterfaceInfo> interfaces = scan_interfaces(verb.in);
  CaptureReader reader(verb.in);
  Stop stop;
  Frame frame;
  std::optional<Frame> first;
  if (reader.next(frame)) first = frame;
  if (interfaces.empty()) interfaces.assign(reader.interfaces().begin(), reader.interfaces().end());
  for (InterfaceInfo& interface : interfaces)
    if (interface.snaplen != 0) interface.snaplen += static_cast<std::uint32_t>(kRewriteGrowth);

  PcapngWriter writer(create_capture(verb.out),
                      {.application = "grayxdp rewrite", .os = {}, .clock = {}}, interfaces);
  run.run(reader, writer, stop, first);
  writer.finish({});

  const Ledger ledger = account(run, reader, writer);
  print_summary(verb.out == "-" ? std::cerr : std::cout, verb, run, ledger, writer);
  if (reader.cut()) std::cerr << "grayxdp: " << reader.warning() << '\n';
  if (!writer.failure()) return kExitFine;
  std::cerr << fmt::format("grayxdp: write {}: {}; {} frames are safe in it\n", verb.out,
                           writer.failure().message(), writer.frames_safe());
  return kExitFailed;
}

}  // namespace

void add_rewrite(CLI::App& app, Action& action) {
  auto verb = std::make_shared<RewriteVerb>();
  CLI::App* sub = app.add_subcommand("rewrite", "rewrites the frames of a capture, file to file");
  sub->add_option("IN", verb->in, "pcap or pcapng; - is stdin")->required();
  sub->add_option("OUT", verb->out, "pcapng; - is stdout")->required();
  verb->flags.add_to(*sub);
  sub->add_option("--mtu", verb->mtu, "cut larger TCP packets into segments")
      ->type_name("BYTES")
      ->check(CLI::Range(576, 65535));
  sub->add_flag("--fragment", verb->fragment, "with --mtu: cut others into IP fragments");
  sub->add_option("--refused", verb->refused,
                  "frames that no rule can be applied to (default: drop when addresses change)")
      ->type_name("WHAT")
      ->check(CLI::IsMember({"drop", "keep"}));
  sub->add_flag("--json", verb->json, "summary as one JSON object");
  sub->footer(
      "Examples:\n"
      "  grayxdp rewrite prod.pcapng lab.pcapng --pnat 10.0.0.0/8:192.168.0.0/16 --portmap "
      "80:8080\n"
      "  grayxdp rewrite prod.pcapng shared.pcapng --seed 7 --enet-smac 02:00:00:00:00:01\n"
      "  tcpdump -i eth1 -w - | grayxdp rewrite - - --mtu 1500 -C | tshark -r -");
  sub->callback([verb, &action] { action = [verb] { return rewrite_file(*verb); }; });
}

}  // namespace gray
