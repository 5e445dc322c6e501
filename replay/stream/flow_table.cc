#include "replay/stream/flow_table.h"

#include <cstring>
#include <random>
#include <utility>

namespace gray {
namespace {

constexpr unsigned kFirstBits = 8;  // slots at the beginning, as a power of two

struct Words {
  std::uint64_t high;
  std::uint64_t low;
};

Words words_of(const IpAddress& address) noexcept {
  Words words;
  std::memcpy(&words, address.bytes.data(), sizeof words);
  return words;
}

bool same(const Endpoint& a, const Endpoint& b) noexcept {
  const Words x = words_of(a.address);
  const Words y = words_of(b.address);
  return ((x.high ^ y.high) | (x.low ^ y.low)) == 0 && a.port == b.port;
}

/// Both halves of a 128-bit product, folded: with a secret factor, a keyed mix of its input.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t random_word() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) | 1;
}

}  // namespace

FlowTable::FlowTable()
    : seed_{random_word(), random_word(), random_word()},
      slots_(std::size_t{1} << kFirstBits),
      shift_(32 - kFirstBits) {}

std::uint32_t FlowTable::hash(const Packet& packet) const noexcept {
  const auto one = [this](const Endpoint& end) {
    const Words words = words_of(end.address);
    return fold(words.high ^ seed_[0], (words.low ^ seed_[1]) + end.port * seed_[2]);
  };
  return static_cast<std::uint32_t>(
      fold((one(packet.source) + one(packet.destination)) ^ seed_[1], seed_[2]) >> 32);
}

Flow* FlowTable::find(std::uint32_t hash, const Packet& packet, unsigned& from) noexcept {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = home(hash); slots_[i].number != 0; i = (i + 1) & mask) {
    if (slots_[i].hash != hash) continue;
    Flow& flow = at(slots_[i].number);
    const auto& ends = flow.connection.ends;
    for (from = 0; from < 2; ++from)
      if (same(ends[from], packet.source) && same(ends[1 - from], packet.destination)) return &flow;
  }
  return nullptr;
}

Flow& FlowTable::add(std::uint32_t hash) {
  if ((size_ + 1) * 2 > slots_.size()) grow();
  std::uint32_t number = free_;
  if (number != 0) {
    free_ = at(number).by_age.next;
  } else {
    if (used_ % kSlabFlows == 0) slabs_.push_back(std::make_unique<Flow[]>(kSlabFlows));
    number = ++used_;
  }
  Flow& flow = at(number);
  flow.by_age = {};
  flow.number = number;
  flow.hash = hash;
  insert({hash, number});
  ++size_;
  append<&Flow::by_age>(ages_, flow);
  return flow;
}

void FlowTable::insert(Slot slot) noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = home(slot.hash);
  while (slots_[i].number != 0) i = (i + 1) & mask;
  slots_[i] = slot;
}

void FlowTable::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  --shift_;
  for (const Slot& slot : old)
    if (slot.number != 0) insert(slot);
}

/// Slots behind the one that becomes free move up, unless that were before their home: so no walk
/// from a home meets an empty slot too early.
void FlowTable::remove(Flow& flow) noexcept {
  take_out<&Flow::by_age>(ages_, flow);
  wait_no_more(flow);
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = home(flow.hash);
  while (slots_[hole].number != flow.number) hole = (hole + 1) & mask;
  for (std::size_t i = (hole + 1) & mask; slots_[i].number != 0; i = (i + 1) & mask) {
    const std::size_t wanted = home(slots_[i].hash);
    if (((i - wanted) & mask) < ((i - hole) & mask)) continue;
    slots_[hole] = slots_[i];
    hole = i;
  }
  slots_[hole] = {};
  --size_;
  const std::uint32_t number = flow.number;
  flow = Flow{};
  flow.by_age.next = free_;
  free_ = number;
}

std::size_t FlowTable::memory() const noexcept {
  return slots_.size() * sizeof(Slot) + slabs_.size() * kSlabFlows * sizeof(Flow);
}

void FlowTable::touch(Flow& flow, std::uint32_t moment) noexcept {
  if (std::exchange(flow.touched, moment) == moment || ages_.last == flow.number) return;
  take_out<&Flow::by_age>(ages_, flow);
  append<&Flow::by_age>(ages_, flow);
}

Flow* FlowTable::next_waiting(const Flow& flow) const noexcept {
  return flow.by_waiting.next == 0 ? nullptr : &at(flow.by_waiting.next);
}

void FlowTable::wait(Flow& flow) noexcept {
  if (flow.waits) return;
  flow.waits = true;
  append<&Flow::by_waiting>(waiting_, flow);
}

void FlowTable::wait_no_more(Flow& flow) noexcept {
  if (!flow.waits) return;
  flow.waits = false;
  take_out<&Flow::by_waiting>(waiting_, flow);
}

/// The first flow of that hash, most likely the one that is meant.
std::uint32_t FlowTable::candidate(std::uint32_t hash) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = home(hash); slots_[i].number != 0; i = (i + 1) & mask)
    if (slots_[i].hash == hash) return slots_[i].number;
  return 0;
}

void FlowTable::prefetch_flow(std::uint32_t hash) const noexcept {
  const std::uint32_t number = candidate(hash);
  if (number == 0) return;
  const auto* line = reinterpret_cast<const char*>(&at(number));
  for (std::size_t offset = 0; offset < sizeof(Flow); offset += 64)
    __builtin_prefetch(line + offset, 1);
}

void FlowTable::prefetch_neighbours(std::uint32_t hash, std::uint32_t moment) const noexcept {
  const std::uint32_t number = candidate(hash);
  if (number == 0) return;
  const Flow& flow = at(number);
  if (flow.consumer) __builtin_prefetch(flow.consumer.get());
  if (flow.touched == moment) return;
  if (flow.by_age.previous != 0) __builtin_prefetch(&at(flow.by_age.previous).by_age, 1);
  if (flow.by_age.next != 0) __builtin_prefetch(&at(flow.by_age.next).by_age, 1);
}

template <Flow::Link Flow::*link>
void FlowTable::append(List& list, Flow& flow) noexcept {
  flow.*link = {list.last, 0};
  if (list.last != 0) {
    (at(list.last).*link).next = flow.number;
  } else {
    list.first = flow.number;
  }
  list.last = flow.number;
}

template <Flow::Link Flow::*link>
void FlowTable::take_out(List& list, Flow& flow) noexcept {
  const Flow::Link own = flow.*link;
  if (own.previous != 0) {
    (at(own.previous).*link).next = own.next;
  } else {
    list.first = own.next;
  }
  if (own.next != 0) {
    (at(own.next).*link).previous = own.previous;
  } else {
    list.last = own.previous;
  }
  flow.*link = {};
}

}  // namespace gray
