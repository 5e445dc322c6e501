#include "tools/streambench/tins_follower.h"

#include <tins/ethernetII.h>
#include <tins/exceptions.h>
#include <tins/ip.h>
#include <tins/ipv6.h>
#include <tins/packet.h>
#include <tins/tcp_ip/stream_follower.h>

#include <array>
#include <chrono>

namespace gray {
namespace {

using Tins::TCPIP::Stream;

Endpoint client_of(const Stream& stream) {
  Endpoint end{.address = {}, .port = stream.client_port()};
  if (stream.is_v6()) {
    end.address = IpAddress::parse(stream.client_addr_v6().to_string());
  } else {
    end.address = IpAddress::parse(stream.client_addr_v4().to_string());
  }
  return end;
}

Endpoint server_of(const Stream& stream) {
  Endpoint end{.address = {}, .port = stream.server_port()};
  if (stream.is_v6()) {
    end.address = IpAddress::parse(stream.server_addr_v6().to_string());
  } else {
    end.address = IpAddress::parse(stream.server_addr_v4().to_string());
  }
  return end;
}

}  // namespace

struct TinsFollower::State {
  explicit State(const TinsOptions& wanted) : options(wanted) {
    follower.follow_partial_streams(options.partial);
    follower.new_stream_callback([this](Stream& stream) { opened(stream); });
  }

  void opened(Stream& stream) {
    if (options.recovery_window != 0) stream.enable_recovery_mode(options.recovery_window);
    if (!options.keep_bytes) {
      stream.client_data_callback([this](Stream& s) { delivered += s.client_payload().size(); });
      stream.server_data_callback([this](Stream& s) { delivered += s.server_payload().size(); });
      return;
    }
    const Endpoint client = client_of(stream);
    const Endpoint server = server_of(stream);
    const unsigned which = seen[std::minmax(client, server)]++;
    const auto take = [this](const DirectionName& name, const Stream::payload_type& payload) {
      delivered += payload.size();
      directions[name].append(payload.begin(), payload.end());
    };
    stream.client_data_callback([take, name = DirectionName{client, server, which}](Stream& s) {
      take(name, s.client_payload());
    });
    stream.server_data_callback([take, name = DirectionName{server, client, which}](Stream& s) {
      take(name, s.server_payload());
    });
  }

  void process(Tins::PDU& pdu, std::uint64_t time_ns) {
    const auto time = std::chrono::microseconds(time_ns / 1000);
    Tins::Packet packet(&pdu, Tins::Timestamp(time), Tins::Packet::own_pdu());
    follower.process_packet(packet);
    packet.release_pdu();
  }

  const TinsOptions options;
  Tins::TCPIP::StreamFollower follower;
  std::map<std::pair<Endpoint, Endpoint>, unsigned> seen;
  std::uint64_t delivered = 0;
  DirectionBytes directions;
};

TinsFollower::TinsFollower(const TinsOptions& options) : state_(std::make_unique<State>(options)) {}

TinsFollower::~TinsFollower() = default;

void TinsFollower::ethernet(const Frame& frame) {
  try {
    Tins::EthernetII pdu(frame.bytes.data(), static_cast<std::uint32_t>(frame.bytes.size()));
    state_->process(pdu, frame.time_ns);
  } catch (const Tins::exception_base&) {
    return;  // malformed for libtins: not followed
  }
}

void TinsFollower::ip(const Packet& packet) {
  try {
    const auto size = static_cast<std::uint32_t>(packet.l3.size());
    if (packet.is_v4) {
      Tins::IP pdu(packet.l3.data(), size);
      state_->process(pdu, packet.time_ns);
    } else {
      Tins::IPv6 pdu(packet.l3.data(), size);
      state_->process(pdu, packet.time_ns);
    }
  } catch (const Tins::exception_base&) {
    return;  // malformed for libtins: not followed
  }
}

std::uint64_t TinsFollower::delivered_bytes() const noexcept {
  return state_->delivered;
}

const DirectionBytes& TinsFollower::directions() const noexcept {
  return state_->directions;
}

}  // namespace gray
