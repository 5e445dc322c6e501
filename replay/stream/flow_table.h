// The connections that a Reassembler knows, by five-tuple: an open-addressing table of hashes and
// numbers, flows in slabs where they stay, and two lists through the flows themselves. Nothing is
// allocated for a flow that was found. Looking one up touches a slot and the three cache lines of
// the flow; the prefetches let the caller wait for many of them at once. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "replay/stream/direction.h"
#include "replay/stream/stream.h"
#include "userspace/packet/packet.h"

namespace gray {

struct alignas(64) Flow {
  /// Numbers of flows, from 1; 0 is the end of the list.
  struct Link {
    std::uint32_t previous = 0;
    std::uint32_t next = 0;
  };

  Connection connection;
  std::array<Direction, 2> sides;
  std::unique_ptr<StreamConsumer> consumer;
  std::uint64_t last_ns = 0;
  Link by_age;
  Link by_waiting;
  std::uint32_t number = 0;  ///< in the table
  std::uint32_t hash = 0;
  std::uint32_t touched = 0;  ///< when it last became the youngest, in moments of its table's user
  bool closed = false;
  bool waits = false;  ///< is in the list of those that hold early segments
};
static_assert(sizeof(Flow) == 192);

class FlowTable {
 public:
  FlowTable();

  /// Of the packet's five-tuple, the same for both directions. Seeded with random bits for each
  /// table: who chooses the ports cannot choose the slots.
  std::uint32_t hash(const Packet& packet) const noexcept;

  /// Null when there is none. `from` is then the side that sent the packet.
  Flow* find(std::uint32_t hash, const Packet& packet, unsigned& from) noexcept;
  /// A flow that is not there yet, the youngest.
  Flow& add(std::uint32_t hash);
  /// Destroys what the flow holds.
  void remove(Flow& flow) noexcept;
  std::size_t size() const noexcept { return size_; }
  /// What the table and its slabs take, without what hangs on flows.
  std::size_t memory() const noexcept;

  // By age: the moment when the last packet came. Within one, a flow moves once: most packets leave
  // the two neighbours of theirs, which are in no cache, alone.
  Flow* oldest() noexcept { return first(ages_); }
  void touch(Flow& flow, std::uint32_t moment) noexcept;
  // Waiting: those that hold early segments, in the order in which they began to.
  Flow* longest_waiting() const noexcept { return first(waiting_); }
  Flow* next_waiting(const Flow& flow) const noexcept;
  void wait(Flow& flow) noexcept;
  void wait_no_more(Flow& flow) noexcept;

  // To be called for many packets, one after the other, before find() and touch() for them.
  void prefetch_slot(std::uint32_t hash) const noexcept { __builtin_prefetch(&slots_[home(hash)]); }
  void prefetch_flow(std::uint32_t hash) const noexcept;
  void prefetch_neighbours(std::uint32_t hash, std::uint32_t moment) const noexcept;

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t number = 0;  // 0: empty
  };
  struct List {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
  };
  static constexpr std::uint32_t kSlabBits = 9;
  static constexpr std::uint32_t kSlabFlows = 1U << kSlabBits;

  std::size_t home(std::uint32_t hash) const noexcept { return hash >> shift_; }
  Flow& at(std::uint32_t number) const noexcept {
    return slabs_[(number - 1) >> kSlabBits][(number - 1) & (kSlabFlows - 1)];
  }
  Flow* first(const List& list) const noexcept {
    return list.first == 0 ? nullptr : &at(list.first);
  }
  std::uint32_t candidate(std::uint32_t hash) const noexcept;
  void insert(Slot slot) noexcept;
  void grow();
  template <Flow::Link Flow::*link>
  void append(List& list, Flow& flow) noexcept;
  template <Flow::Link Flow::*link>
  void take_out(List& list, Flow& flow) noexcept;

  std::array<std::uint64_t, 3> seed_;
  std::vector<Slot> slots_;
  unsigned shift_;
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<Flow[]>> slabs_;
  std::uint32_t used_ = 0;  // of the slabs
  std::uint32_t free_ = 0;  // the flow removed last; they are linked by by_age.next
  List ages_;
  List waiting_;
};

}  // namespace gray
