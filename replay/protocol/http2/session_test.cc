// A client and a server of nghttp2 make the bytes; what is read from them is what the two said.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <map>
#include <memory>
#include <random>
#include <set>

#include "replay/protocol/capture_builder.h"
#include "userspace/base/owned.h"

namespace gray::http2 {
namespace {

using Session = Owned<nghttp2_session, nghttp2_session_del>;
using Callbacks = Owned<nghttp2_session_callbacks, nghttp2_session_callbacks_del>;

struct Said {
  std::string path;
  std::string asked;
  std::string answered;
};

// One body on its way out.
struct Source {
  std::string text;
  std::size_t sent = 0;
};

ssize_t read_source(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room,
                    std::uint32_t* flags, nghttp2_data_source* source, void*) {
  auto& body = *static_cast<Source*>(source->ptr);
  const std::size_t count = std::min(room, body.text.size() - body.sent);
  std::copy_n(body.text.begin() + static_cast<std::ptrdiff_t>(body.sent), count, to);
  body.sent += count;
  if (body.sent == body.text.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(count);
}

nghttp2_nv pair(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

class Peers {
 public:
  explicit Peers(std::uint64_t seed) : random_(seed) {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    const Callbacks callbacks(made);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, received);
    nghttp2_session_callbacks_set_select_padding_callback(made, padding);
    nghttp2_session* session = nullptr;
    nghttp2_session_client_new(&session, made, this);
    client_.reset(session);
    nghttp2_session_server_new(&session, made, this);
    server_.reset(session);
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, static_cast<std::uint32_t>(random_() % 9000)},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, static_cast<std::uint32_t>(16'384 + random_() % 20'000)}};
    nghttp2_submit_settings(client_.get(), NGHTTP2_FLAG_NONE, entries, 2);
    nghttp2_submit_settings(server_.get(), NGHTTP2_FLAG_NONE, entries, random_() % 3);
  }

  void ask() {
    Said said{"/p" + std::to_string(random_() % 30), body(), body()};
    const std::string token = "token-" + std::to_string(random_() % 20);
    const nghttp2_nv fields[] = {pair(":method", "POST"), pair(":scheme", "http"),
                                 pair(":path", said.path), pair(":authority", "shop.example"),
                                 pair("authorization", token)};
    nghttp2_data_provider provider{};
    provider.source.ptr = sources_.emplace_back(std::make_unique<Source>(Source{said.asked})).get();
    provider.read_callback = read_source;
    const std::int32_t id = nghttp2_submit_request(client_.get(), nullptr, fields,
                                                   std::size(fields), &provider, nullptr);
    ASSERT_GT(id, 0);
    said_[static_cast<std::uint32_t>(id)] = said;
  }

  // Moves bytes to and fro until neither has any, a segment a time; each is put into `talk`.
  void exchange(Conversation& talk) {
    for (bool more = true; more;) {
      const bool first = move(*client_, *server_, 0, talk);
      more = move(*server_, *client_, 1, talk) || first;
    }
  }

  const std::map<std::uint32_t, Said>& said() const { return said_; }

 private:
  static int received(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto& peers = *static_cast<Peers*>(user);
    const bool asked = session == peers.server_.get() &&
                       (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && frame->hd.stream_id > 0;
    if (asked) peers.answer(frame->hd.stream_id);
    return 0;
  }
  static ssize_t padding(nghttp2_session*, const nghttp2_frame* frame, std::size_t most,
                         void* user) {
    auto& random = static_cast<Peers*>(user)->random_;
    const std::size_t length = frame->hd.length + (random() % 4 == 0 ? random() % 50 : 0);
    return static_cast<ssize_t>(std::min(length, most));
  }

  void answer(std::int32_t id) {
    const std::string etag = "e" + std::to_string(random_() % 10);
    const nghttp2_nv fields[] = {pair(":status", "200"), pair("etag", etag)};
    nghttp2_data_provider provider{};
    const Said& said = said_[static_cast<std::uint32_t>(id)];
    provider.source.ptr =
        sources_.emplace_back(std::make_unique<Source>(Source{said.answered})).get();
    provider.read_callback = read_source;
    nghttp2_submit_response(server_.get(), id, fields, std::size(fields), &provider);
  }

  bool move(nghttp2_session& from, nghttp2_session& to, unsigned side, Conversation& talk) {
    const std::uint8_t* bytes = nullptr;
    bool any = false;
    for (ssize_t size; (size = nghttp2_session_mem_send(&from, &bytes)) > 0; any = true) {
      std::string_view rest(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
      while (!rest.empty()) {
        const std::string_view piece = rest.substr(0, 1 + random_() % 1400);
        side == 0 ? talk.client(piece) : talk.server(piece);
        nghttp2_session_mem_recv(&to, reinterpret_cast<const std::uint8_t*>(piece.data()),
                                 piece.size());
        rest.remove_prefix(piece.size());
      }
    }
    return any;
  }

  std::string body() {
    std::string text(random_() % 8 == 0 ? random_() % 40'000 : random_() % 300, ' ');
    for (char& c : text) c = static_cast<char>(random_() % 3 == 0 ? 0 : random_());
    return text;
  }

  std::mt19937_64 random_;
  Session client_;
  Session server_;
  std::map<std::uint32_t, Said> said_;
  std::vector<std::unique_ptr<Source>> sources_;
};

Conversation converse(Peers& peers, int rounds) {
  Conversation talk;
  talk.open();
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i <= round % 4; ++i) peers.ask();
    peers.exchange(talk);
  }
  return talk;
}

TEST(Http2Session, EverythingIsReadAsItWasSaid) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Peers peers(seed);
    Extraction extraction;
    extraction.feed(converse(peers, 12)).finish();
    ASSERT_EQ(extraction.exchanges.list.size(), peers.said().size());
    for (const Exchange& e : extraction.exchanges.list) {
      const Said& said = peers.said().at(e.h2_stream);
      EXPECT_EQ(e.request.target, said.path);
      EXPECT_TRUE(e.request.body == said.asked);
      ASSERT_TRUE(e.response);
      EXPECT_EQ(e.response->status, 200);
      EXPECT_TRUE(e.response->body == said.answered);
      EXPECT_TRUE(e.request.complete && e.response->complete);
      EXPECT_EQ(e.request.unknown_headers + e.response->unknown_headers, 0U);
    }
  }
}

// Joined at any packet, and with packets lost: what is called complete is right, what is not known
// is marked, and the connection is read on.
TEST(Http2Session, JoinedAndWithLossesNothingIsWrong) {
  std::size_t complete = 0, marked = 0, all = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Peers peers(seed);
    const Conversation talk = converse(peers, 30);
    std::mt19937_64 random(seed);
    Extraction extraction;
    const std::size_t join = random() % (talk.frames().size() / 2);
    for (std::size_t i = join; i < talk.frames().size(); ++i)
      if (random() % 150 != 0) extraction.feed(talk.frames()[i]);
    extraction.finish();
    all += peers.said().size();
    std::set<std::uint32_t> seen;
    for (const Exchange& e : extraction.exchanges.list) {
      ASSERT_TRUE(peers.said().contains(e.h2_stream)) << e.h2_stream;
      ASSERT_TRUE(seen.insert(e.h2_stream).second) << "twice: " << e.h2_stream;
      const Said& said = peers.said().at(e.h2_stream);
      const bool known = !e.request.method.empty() && e.request.target != kUnknownHeaderText;
      EXPECT_TRUE(!known || e.request.target == said.path);
      EXPECT_TRUE(!e.request.complete || e.request.body == said.asked);
      const bool answered = e.response && e.response->complete;
      EXPECT_TRUE(!answered || e.response->body == said.answered);
      marked += e.request.unknown_headers;
      complete += e.request.complete && answered ? 1 : 0;
    }
  }
  EXPECT_GT(complete, all / 3);
  EXPECT_GT(marked, 100U);
}

}  // namespace
}  // namespace gray::http2
