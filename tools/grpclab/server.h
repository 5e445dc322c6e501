// The shop: a gRPC server on a port of the laboratory, whose answers follow from what it was asked
// alone, and which can be made to differ as a canary does. gRPC's own threads run it.
#pragma once

#include <cstdint>
#include <string>

namespace gray::grpclab {

struct ServerOptions {
  std::string listen = "127.0.0.1:50051";
  std::string log;             ///< a JSON line a call, when it ends; empty: none
  bool gzip = false;           ///< answers are compressed
  std::int64_t price_add = 0;  ///< a changed field: cents on each Item's price
  bool without_left = false;   ///< a removed field: Item has no `left`
  std::string origin;          ///< an added field: the second version's Item.origin
  std::string slow;            ///< this method...
  unsigned slow_ms = 0;        ///< ...waits so long before its first answer
  std::string fail;            ///< this method ends with UNAVAILABLE
};

/// Until SIGINT or SIGTERM, which the caller has blocked in every thread.
void serve(const ServerOptions& options);

}  // namespace gray::grpclab
