#include "tools/grpclab/server.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include "shop.grpc.pb.h"
#include "userspace/base/clock.h"

namespace gray::grpclab {
namespace {

constexpr unsigned kMostItems = 1000;
constexpr std::int64_t kCents = 1990;

/// One line for each call, whole.
class Log {
 public:
  explicit Log(const std::string& path) {
    if (path.empty()) return;
    file_.open(path);
    if (!file_) throw std::runtime_error("write the log " + path);
  }
  void line(const nlohmann::ordered_json& json) {
    const std::lock_guard lock(mutex_);
    if (file_.is_open()) file_ << json.dump() << std::endl;
  }

 private:
  std::mutex mutex_;
  std::ofstream file_;
};

/// A call under way: what came when. Logged with its status at its end.
class Call {
 public:
  Call(Log& log, const grpc::ServerContext& context, std::string_view method)
      : log_(log), context_(context), method_(method) {
    const auto left = context.deadline() - std::chrono::system_clock::now();
    deadline_ms_ = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
  }

  void arrived() { arrivals_.push_back(utc_ns()); }
  void half_closed() { half_closed_ns_ = utc_ns(); }
  grpc::Status end(grpc::Status status) {
    nlohmann::ordered_json binary = nlohmann::json::array();
    for (const char byte : metadata("x-trace-bin"))
      binary.push_back(static_cast<std::uint8_t>(byte));
    log_.line({{"method", method_},
               {"call", metadata("x-call")},
               {"customer", metadata("x-customer")},
               {"trace", binary},
               {"replayed", metadata("x-gray-replay")},
               {"deadline_ms", deadline_ms_},
               {"status", static_cast<int>(status.error_code())},
               {"cancelled", context_.IsCancelled()},
               {"arrivals_ns", arrivals_},
               {"half_closed_ns", half_closed_ns_}});
    return status;
  }

 private:
  /// Empty when the client sent none of that name.
  std::string metadata(const char* name) const {
    const auto found = context_.client_metadata().find(name);
    if (found == context_.client_metadata().end()) return {};
    return {found->second.data(), found->second.size()};
  }

  Log& log_;
  const grpc::ServerContext& context_;
  const std::string method_;
  std::int64_t deadline_ms_ = 0;  // what was left of it when the call came
  std::vector<std::uint64_t> arrivals_;
  std::uint64_t half_closed_ns_ = 0;
};

class ShopService final : public shop::Shop::Service {
 public:
  explicit ShopService(const ServerOptions& options) : options_(options), log_(options.log) {}

  grpc::Status Get(grpc::ServerContext* context, const shop::Query* query,
                   shop::Item* item) override {
    Call call(log_, *context, "Get");
    call.arrived();
    // Without metadata in front of it, a refusal is one header block: "trailers only".
    if (query->text() == "missing")
      return call.end({grpc::StatusCode::NOT_FOUND, "no such thing: 100 %"});
    const grpc::Status ready = begin(*context, "Get");
    if (!ready.ok()) return call.end(ready);
    fill(*item, query->text(), 0);
    return call.end(grpc::Status::OK);
  }

  grpc::Status Search(grpc::ServerContext* context, const shop::Query* query,
                      grpc::ServerWriter<shop::Item>* writer) override {
    Call call(log_, *context, "Search");
    call.arrived();
    const grpc::Status ready = begin(*context, "Search");
    if (!ready.ok()) return call.end(ready);
    for (unsigned i = 0; i < std::min(query->limit(), kMostItems); ++i) {
      shop::Item item;
      fill(item, query->text(), i);
      if (!writer->Write(item)) return call.end({grpc::StatusCode::CANCELLED, "gone"});
    }
    if (query->text() == "missing")
      return call.end({grpc::StatusCode::DATA_LOSS, "some are missing"});
    return call.end(grpc::Status::OK);
  }

  grpc::Status Buy(grpc::ServerContext* context, grpc::ServerReader<shop::Order>* reader,
                   shop::Receipt* receipt) override {
    Call call(log_, *context, "Buy");
    const grpc::Status ready = begin(*context, "Buy");
    if (!ready.ok()) return call.end(ready);
    shop::Order order;
    while (reader->Read(&order)) {
      call.arrived();
      add(*receipt, order);
    }
    call.half_closed();
    if (order.sku() == "missing") return call.end({grpc::StatusCode::INVALID_ARGUMENT, "sku"});
    return call.end(grpc::Status::OK);
  }

  grpc::Status Talk(grpc::ServerContext* context,
                    grpc::ServerReaderWriter<shop::Receipt, shop::Order>* stream) override {
    Call call(log_, *context, "Talk");
    const grpc::Status ready = begin(*context, "Talk");
    if (!ready.ok()) return call.end(ready);
    shop::Receipt receipt;
    shop::Order order;
    while (stream->Read(&order)) {
      call.arrived();
      add(receipt, order);
      stream->Write(receipt);
    }
    call.half_closed();
    if (order.sku() == "missing") return call.end({grpc::StatusCode::ABORTED, "sku"});
    return call.end(grpc::Status::OK);
  }

 private:
  grpc::Status begin(grpc::ServerContext& context, std::string_view method) const {
    context.AddInitialMetadata("x-shop", "open");
    context.AddTrailingMetadata("x-served", std::string(method));
    if (options_.gzip) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    if (options_.slow == method)
      std::this_thread::sleep_for(std::chrono::milliseconds(options_.slow_ms));
    if (options_.fail == method) return {grpc::StatusCode::UNAVAILABLE, "closed for today"};
    return grpc::Status::OK;
  }

  void fill(shop::Item& item, const std::string& text, unsigned number) const {
    item.set_sku(text + "-" + std::to_string(number));
    item.set_cents(kCents + number + options_.price_add);
    if (!options_.without_left) item.set_left(17 + number);
    for (const char* tag : {"oak", "oak and steel", "oak and steel and glass"}) item.add_tags(tag);
    if (!options_.origin.empty()) item.set_origin(options_.origin);
  }

  static void add(shop::Receipt& receipt, const shop::Order& order) {
    receipt.set_orders(receipt.orders() + 1);
    receipt.set_cents(receipt.cents() + kCents * std::int64_t{order.count()});
    receipt.set_note(order.note());
  }

  const ServerOptions options_;
  Log log_;
};

}  // namespace

void serve(const ServerOptions& options) {
  ShopService service(options);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  // Another server on the port, which is what SO_REUSEPORT allows, would take half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) throw std::runtime_error("listen on " + options.listen);
  std::cerr << "grpclab: serving on " << options.listen << std::endl;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  int signal = 0;
  sigwait(&ends, &signal);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  server->Wait();
}

}  // namespace gray::grpclab
