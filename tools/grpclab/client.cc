#include "tools/grpclab/client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "shop.grpc.pb.h"
#include "tools/grpclab/body.h"
#include "userspace/base/clock.h"

namespace gray::grpclab {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// What went out and came in of one call.
struct Said {
  Body request;
  Body response;
};

class Customer {
 public:
  Customer(const ClientOptions& options, std::ostream& log)
      : options_(options),
        log_(log),
        channel_(grpc::CreateChannel(options.server, grpc::InsecureChannelCredentials())),
        shop_(shop::Shop::NewStub(channel_)) {
    if (!channel_->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10)))
      throw std::runtime_error("connect to " + options.server);
  }

  std::uint64_t run() {
    begin_ = SteadyClock::now();
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(1U, options_.at_once); ++i)
      threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    return unexpected_;
  }

 private:
  void work() {
    while (true) {
      const std::uint64_t number = next_++;
      if (options_.calls > 0 && number >= options_.calls) return;
      const std::chrono::duration<double> due(
          options_.rate > 0 ? static_cast<double>(number) / options_.rate : 0);
      if (options_.seconds > 0 && due.count() >= options_.seconds) return;
      std::this_thread::sleep_until(begin_ +
                                    std::chrono::duration_cast<SteadyClock::duration>(due));
      const std::chrono::duration<double> gone = SteadyClock::now() - begin_;
      if (options_.seconds > 0 && gone.count() >= options_.seconds) return;
      call(number);
    }
  }

  void call(std::uint64_t number) {
    const std::string& method = options_.methods[number % options_.methods.size()];
    const bool fails = options_.fail_every > 0 && (number + 1) % options_.fail_every == 0;
    grpc::ClientContext context;
    context.AddMetadata("x-call", std::to_string(number));
    context.AddMetadata("x-customer", "a value that stays in the header table");
    context.AddMetadata("x-trace-bin", std::string("\0\1\2\xff", 4));
    if (options_.gzip) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::milliseconds(options_.deadline_ms));
    Said said;
    const std::uint64_t begun_ns = utc_ns();
    const grpc::Status status = talk(method, context, thing(number, fails), said);
    if (status.ok() == fails) ++unexpected_;
    const nlohmann::ordered_json line{{"call", number},
                                      {"method", method},
                                      {"status", static_cast<int>(status.error_code())},
                                      {"status_message", status.error_message()},
                                      {"request_messages", said.request.messages()},
                                      {"request_bytes", said.request.size()},
                                      {"request_sha256", said.request.sha256()},
                                      {"response_messages", said.response.messages()},
                                      {"response_bytes", said.response.size()},
                                      {"response_sha256", said.response.sha256()},
                                      {"begun_ns", begun_ns},
                                      {"ended_ns", utc_ns()}};
    const std::lock_guard lock(mutex_);
    log_ << line.dump() << std::endl;
  }

  static std::string thing(std::uint64_t number, bool fails) {
    return fails ? "missing" : "lamp" + std::to_string(number % 7);
  }

  grpc::Status talk(const std::string& method, grpc::ClientContext& context,
                    const std::string& thing, Said& said) {
    if (method == "Get") return get(context, thing, said);
    if (method == "Search") return search(context, thing, said);
    if (method == "Buy") return buy(context, thing, said);
    return bidirectional(context, thing, said);
  }

  shop::Query query(const std::string& thing) const {
    shop::Query query;
    query.set_text(thing);
    query.set_limit(options_.messages);
    return query;
  }
  shop::Order order(const std::string& thing, unsigned number) const {
    shop::Order order;
    order.set_sku(thing);
    order.set_count(number + 1);
    std::string note;
    while (note.size() < options_.note_bytes) note += "ring twice, please; ";
    note.resize(options_.note_bytes);
    order.set_note(note);
    return order;
  }
  void pause() const { std::this_thread::sleep_for(std::chrono::milliseconds(options_.gap_ms)); }

  grpc::Status get(grpc::ClientContext& context, const std::string& thing, Said& said) {
    const shop::Query asked = query(thing);
    shop::Item item;
    said.request.add(asked);
    const grpc::Status status = shop_->Get(&context, asked, &item);
    if (status.ok()) said.response.add(item);
    return status;
  }

  grpc::Status search(grpc::ClientContext& context, const std::string& thing, Said& said) {
    const shop::Query asked = query(thing);
    said.request.add(asked);
    const auto reader = shop_->Search(&context, asked);
    for (shop::Item item; reader->Read(&item);) said.response.add(item);
    return reader->Finish();
  }

  grpc::Status buy(grpc::ClientContext& context, const std::string& thing, Said& said) {
    shop::Receipt receipt;
    const auto writer = shop_->Buy(&context, &receipt);
    for (unsigned i = 0; i < options_.messages; ++i) {
      const shop::Order one = order(thing, i);
      if (!writer->Write(one)) break;
      said.request.add(one);
      pause();
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    if (status.ok()) said.response.add(receipt);
    return status;
  }

  grpc::Status bidirectional(grpc::ClientContext& context, const std::string& thing, Said& said) {
    const auto stream = shop_->Talk(&context);
    shop::Receipt receipt;
    for (unsigned i = 0; i < options_.messages; ++i) {
      const shop::Order one = order(thing, i);
      if (!stream->Write(one)) break;
      said.request.add(one);
      if (!stream->Read(&receipt)) break;
      said.response.add(receipt);
      pause();
    }
    stream->WritesDone();
    while (stream->Read(&receipt)) said.response.add(receipt);
    return stream->Finish();
  }

  const ClientOptions options_;
  std::ostream& log_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<shop::Shop::Stub> shop_;
  SteadyClock::time_point begin_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> unexpected_{0};
  std::mutex mutex_;
};

}  // namespace

std::uint64_t run_client(const ClientOptions& options, std::ostream& log) {
  return Customer(options, log).run();
}

}  // namespace gray::grpclab
