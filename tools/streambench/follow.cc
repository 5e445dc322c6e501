#include "tools/streambench/follow.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "replay/stream/reassembler.h"
#include "replay/stream/segmenter.h"
#include "tools/streambench/tins_follower.h"
#include "userspace/pcapng/reader.h"

namespace gray {
namespace {

/// One side of a connection.
struct Said {
  Endpoint from, to;
  std::optional<std::uint32_t> first_seq;  // of the first byte
  std::string bytes;
  std::vector<std::pair<std::size_t, std::uint64_t>> gaps;  // offset in bytes, length
};

/// Keeps all that connections say, in order of their first bytes.
class Keeper final : public StreamSink {
 public:
  std::unique_ptr<StreamConsumer> opened(const Connection& connection) noexcept override {
    const auto& [one, other] = connection.ends;
    auto both = std::make_unique<Both>();
    (*both)[0].from = (*both)[1].to = one;
    (*both)[1].from = (*both)[0].to = other;
    connections_.push_back(std::move(both));
    return std::make_unique<Consumer>(connection, *connections_.back());
  }

  template <class Each>
  void for_each(Each&& each) const {
    for (const auto& both : connections_)
      for (const Said& said : *both)
        if (!said.bytes.empty()) each(said);
  }

 private:
  using Both = std::array<Said, 2>;
  struct Consumer final : StreamConsumer {
    Consumer(const Connection& opened, Both& kept) : connection(opened), both(kept) {}
    void data(unsigned from, std::span<const std::uint8_t> piece, std::uint64_t) noexcept override {
      begun(from).bytes.append(piece.begin(), piece.end());
    }
    void gap(unsigned from, std::uint64_t length) noexcept override {
      Said& said = begun(from);
      said.gaps.emplace_back(said.bytes.size(), length);
    }
    void end(unsigned) noexcept override {}
    void closed(CloseReason) noexcept override {}
    bool wanted() const noexcept override { return true; }

    Said& begun(unsigned from) noexcept {
      both[from].first_seq = connection.first_seq[from];
      return both[from];
    }
    const Connection& connection;
    Both& both;
  };
  std::vector<std::unique_ptr<Both>> connections_;
};

class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)), index_(open("INDEX")) {}

  void add(std::string_view who, const Said& said) {
    const std::string name = fmt::format("{}-{}", who, files_++);
    std::ofstream file = open(name);
    file << said.bytes;
    close(file, name);
    std::string gaps;
    for (const auto& [at, length] : said.gaps)
      gaps += fmt::format("{}{}:{}", gaps.empty() ? "" : ",", at, length);
    const std::string first = said.first_seq ? fmt::to_string(*said.first_seq) : "-";
    index_ << fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", who, said.from.to_string(),
                          said.to.to_string(), name, gaps.empty() ? "-" : gaps, first);
  }
  void finish() { close(index_, "INDEX"); }

 private:
  std::ofstream open(const std::string& name) const {
    std::ofstream file(path_ + '/' + name, std::ios::binary | std::ios::trunc);
    if (!file)
      throw std::system_error(errno, std::generic_category(), "create " + path_ + '/' + name);
    return file;
  }
  void close(std::ofstream& file, const std::string& name) const {
    file.close();
    if (!file)
      throw std::system_error(errno, std::generic_category(), "write " + path_ + '/' + name);
  }

  const std::string path_;
  std::ofstream index_;
  std::size_t files_ = 0;
};

}  // namespace

void follow(const std::string& capture, const std::string& folder) {
  CaptureReader reader(capture);
  Keeper ours;
  Reassembler reassembler({}, ours);
  TinsFollower tins({.partial = true});
  Segmenter segmenter;
  ExpiryClock expiry;
  Frame frame;
  while (reader.next(frame)) {
    for (const TaggedPacket& tagged : segmenter.read({&frame, 1}, 1)) {
      reassembler.segment(tagged.packet, tagged.tag);
      tins.ip(tagged.packet);
      if (!expiry.due(tagged.packet.time_ns)) continue;
      reassembler.expire(tagged.packet.time_ns);
    }
    reader.give_back(frame);
  }
  reassembler.finish();
  Folder out(folder);
  ours.for_each([&](const Said& said) { out.add("grayxdp", said); });
  for (const auto& [name, bytes] : tins.directions())
    out.add("libtins", {std::get<0>(name), std::get<1>(name), {}, bytes, {}});
  out.finish();
}

}  // namespace gray
