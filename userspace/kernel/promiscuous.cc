#include "userspace/kernel/promiscuous.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include "userspace/base/errors.h"

namespace gray {

// Protocol 0: the socket itself receives nothing.
Promiscuous::Promiscuous(unsigned ifindex, const std::string& name)
    : socket_(check_errno(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "open a packet socket")) {
  packet_mreq wanted{};
  wanted.mr_ifindex = static_cast<int>(ifindex);
  wanted.mr_type = PACKET_MR_PROMISC;
  check_errno(setsockopt(socket_.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &wanted, sizeof(wanted)),
              "make " + name + " promiscuous");
}

}  // namespace gray
