// Ownership of C objects: Owned<pcap_t, pcap_close> is a unique_ptr that knows how to let go.
#pragma once

#include <memory>

namespace gray {

template <auto Free>
struct Deleter {
  void operator()(auto* object) const noexcept { Free(object); }
};

template <class T, auto Free>
using Owned = std::unique_ptr<T, Deleter<Free>>;

}  // namespace gray
