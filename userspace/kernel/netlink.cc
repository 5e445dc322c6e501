#include "userspace/kernel/netlink.h"

#include <sys/socket.h>

#include <algorithm>
#include <vector>

#include "userspace/base/errors.h"
#include "userspace/base/fd.h"

namespace gray {
namespace {

constexpr std::size_t kBuffer = 256 << 10;
constexpr const char* kAsking = "ask the kernel about its interfaces";

// False when the answer is complete.
bool read_messages(const char* bytes, std::size_t left,
                   const std::function<void(const nlmsghdr&)>& each) {
  while (left >= sizeof(nlmsghdr)) {
    const auto* message = reinterpret_cast<const nlmsghdr*>(bytes);
    if (message->nlmsg_len < sizeof(nlmsghdr) || message->nlmsg_len > left) break;
    if (message->nlmsg_type == NLMSG_DONE) return false;
    if (message->nlmsg_type == NLMSG_ERROR) {
      const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(message));
      if (error->error == 0) return false;
      throw_errno(-error->error, kAsking);
    }
    each(*message);
    const std::size_t step = std::min<std::size_t>(NLMSG_ALIGN(message->nlmsg_len), left);
    bytes += step;
    left -= step;
  }
  return true;
}

}  // namespace

void netlink_request(int protocol, const nlmsghdr& request,
                     const std::function<void(const nlmsghdr&)>& each) {
  const Fd fd(check_errno(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), kAsking));
  if (send(fd.get(), &request, request.nlmsg_len, 0) < 0) throw_errno(errno, kAsking);
  std::vector<char> buffer(kBuffer);
  bool more = true;
  while (more) {
    const ssize_t size = recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) throw_errno(errno, kAsking);
    more = size > 0 && read_messages(buffer.data(), static_cast<std::size_t>(size), each);
  }
}

void netlink_dump(std::uint16_t type, const std::function<void(const nlmsghdr&)>& each) {
  struct {
    nlmsghdr header;
    rtgenmsg family;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(rtgenmsg));
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.family.rtgen_family = AF_UNSPEC;
  netlink_request(NETLINK_ROUTE, request.header, each);
}

void for_attributes(const void* first, std::size_t size,
                    const std::function<void(const rtattr&)>& each) {
  const auto* bytes = static_cast<const char*>(first);
  while (size >= sizeof(rtattr)) {
    const auto* attribute = reinterpret_cast<const rtattr*>(bytes);
    if (attribute->rta_len < sizeof(rtattr) || attribute->rta_len > size) return;
    each(*attribute);
    const std::size_t step = std::min<std::size_t>(RTA_ALIGN(attribute->rta_len), size);
    bytes += step;
    size -= step;
  }
}

void for_attributes_behind(std::size_t fixed, const nlmsghdr& message,
                           const std::function<void(const rtattr&)>& each) {
  const std::size_t head = NLMSG_LENGTH(NLMSG_ALIGN(fixed));
  if (message.nlmsg_len <= head) return;
  const auto* bytes = static_cast<const char*>(NLMSG_DATA(&message));
  for_attributes(bytes + NLMSG_ALIGN(fixed), message.nlmsg_len - head, each);
}

}  // namespace gray
