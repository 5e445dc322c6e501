// Who is called when a socket of the set has something to read or takes bytes again.
#include "replay/send/socket_set.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <utility>

#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/fd.h"

namespace gray {
namespace {

/// One end of a connection; the test has the other.
class End final : public SocketSet::Member {
 public:
  End() {
    int ends[2];
    check_errno(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), "make a pair");
    socket_ = Fd(ends[0]);
    peer_ = Fd(ends[1]);
  }

  int socket() const { return socket_.get(); }
  void say(const std::string& text) {
    ASSERT_EQ(::write(peer_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void hang_up() { peer_.reset(); }
  /// Takes bytes until the peer must read.
  void fill() {
    const std::string some(4096, 'x');
    while (::write(socket_.get(), some.data(), some.size()) > 0) continue;
  }
  void drain_peer() {
    std::string some(65536, '\0');
    while (::read(peer_.get(), some.data(), some.size()) > 0) continue;
  }

  void socket_readable() override {
    char bytes[16];
    const ssize_t got = ::read(socket_.get(), bytes, reads);
    heard += got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : "|end";
    if (then) then();
  }
  void socket_writable() override { ++writable; }

  std::string heard;
  int writable = 0;
  std::size_t reads = 16;  // bytes at a time
  std::function<void()> then;

 private:
  Fd socket_, peer_;
};

class SocketSetTest : public testing::Test {
 protected:
  void turn() { io_.poll(); }
  boost::asio::io_context io_;
};

TEST_F(SocketSetTest, CallsUntilAllIsRead) {
  SocketSet set(io_, 4);
  End one, other;
  one.reads = 2;
  ASSERT_EQ(set.add(one.socket(), one), 0);
  ASSERT_EQ(set.add(other.socket(), other), 0);
  turn();
  EXPECT_EQ(one.heard + other.heard, "");
  one.say("abcde");
  turn();
  EXPECT_EQ(one.heard, "abcde");
  EXPECT_EQ(other.heard, "");
  set.remove(one.socket());
  one.say("f");
  other.say("g");
  turn();
  EXPECT_EQ(one.heard, "abcde");
  EXPECT_EQ(other.heard, "g");
}

TEST_F(SocketSetTest, TellsTheEnd) {
  SocketSet set(io_, 1);
  End one;
  one.then = [&] {
    if (one.heard.ends_with("|end")) set.remove(one.socket());
  };
  ASSERT_EQ(set.add(one.socket(), one), 0);
  one.say("bye");
  one.hang_up();
  turn();
  EXPECT_EQ(one.heard, "bye|end");
}

TEST_F(SocketSetTest, AMemberMayTakeAnotherOut) {
  SocketSet set(io_, 4);
  End one, other;
  one.then = [&] { set.remove(other.socket()); };
  other.then = [&] { set.remove(one.socket()); };
  ASSERT_EQ(set.add(one.socket(), one), 0);
  ASSERT_EQ(set.add(other.socket(), other), 0);
  one.say("a");
  other.say("b");
  turn();
  EXPECT_EQ((one.heard + other.heard).size(), 1U);
}

TEST_F(SocketSetTest, SaysOnceThatASocketTakesBytesAgain) {
  SocketSet set(io_, 4);
  End one;
  ASSERT_EQ(set.add(one.socket(), one), 0);
  one.fill();
  set.await_writable(one.socket());
  turn();
  EXPECT_EQ(one.writable, 0);
  one.drain_peer();
  turn();
  turn();
  EXPECT_EQ(one.writable, 1);
  one.say("still read");
  turn();
  EXPECT_EQ(one.heard, "still read");
}

TEST_F(SocketSetTest, ServesSoManyInOneEventAndKnowsWhenAllWereQuiet) {
  SocketSet set(io_, 2);
  End ends[3];
  for (End& end : ends) {
    ASSERT_EQ(set.add(end.socket(), end), 0);
    end.say("x");
  }
  const auto heard = [&] { return (ends[0].heard + ends[1].heard + ends[2].heard).size(); };
  while (heard() == 0) ASSERT_EQ(io_.poll_one(), 1U);
  EXPECT_EQ(heard(), 2U);
  EXPECT_EQ(set.quiet_ns(), 0U);
  const std::uint64_t before = monotonic_ns();
  turn();
  EXPECT_EQ(heard(), 3U);
  EXPECT_GE(set.quiet_ns(), before);
}

TEST_F(SocketSetTest, SaysWhatCannotBeWaitedFor) {
  SocketSet set(io_, 4);
  End one;
  EXPECT_EQ(set.add(Fd(::open("/proc/self/status", O_RDONLY | O_CLOEXEC)).get(), one), EPERM);
}

}  // namespace
}  // namespace gray
