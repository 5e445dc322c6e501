// Makes an interface receive the frames that are for other stations, as a port that mirrored
// traffic comes to must. The kernel counts who asks for it and ends it with the last one, also when
// we are killed (packet(7), PACKET_MR_PROMISC).
#pragma once

#include <string>

#include "userspace/base/fd.h"

namespace gray {

class Promiscuous {
 public:
  /// Throws std::system_error.
  Promiscuous(unsigned ifindex, const std::string& name);

 private:
  Fd socket_;
};

}  // namespace gray
