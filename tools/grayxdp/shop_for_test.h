// The gRPC peers of the laboratory: grpclab's server in a namespace, and how its client is called.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include "userspace/lab/production.h"

namespace gray {

inline constexpr const char* kShop = "10.9.0.2:50051";
inline constexpr const char* kCanaryShop = "10.9.1.2:50051";
inline constexpr const char* kCanaryShopUrl = "h2c://10.9.1.2:50051";

/// Starts it on `address`, and waits until it listens.
inline Process start_shop(const Namespace& where, const std::string& address, Argv options = {}) {
  options.insert(options.begin(), {built_binary("grpclab"), "server", "--listen", address});
  Process shop = where.spawn(options);
  for (int i = 0; i < 100; ++i) {
    if (shop.err().find("serving on") != std::string::npos) return shop;
    if (!shop.running()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw std::runtime_error("the gRPC server does not listen: " + shop.err());
}

inline Argv customer(const Argv& options) {
  Argv all{built_binary("grpclab"), "client", "--server", kShop};
  all.insert(all.end(), options.begin(), options.end());
  return all;
}

}  // namespace gray
