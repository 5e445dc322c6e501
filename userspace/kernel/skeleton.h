// A bpftool skeleton with one owner: opened by the constructor, loaded by load(). Private to this
// module. libbpf says nothing on stderr (GRAYXDP_DEBUG set: everything); what it complained about
// last goes into the exception.
#pragma once

#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "userspace/base/errors.h"
#include "userspace/kernel/filter/room.h"

namespace gray {

/// Collects what libbpf complains about in this thread, from construction on.
class LibbpfLog {
 public:
  LibbpfLog();
  /// Throws system_error for `result` < 0: `doing`, and the line that says most about why.
  void check(int result, const std::string& doing) const;
};

template <class T>
class Skeleton {
 public:
  /// `name` as in messages: "tap". `create`: bpftool's X__create_skeleton.
  Skeleton(std::string name, int (*create)(T*)) : name_(std::move(name)) {
    prepare(create);
    open();
  }
  /// With `filter` in the room of bpf/expression.h. Throws UsageError when it cannot be run there.
  Skeleton(std::string name, int (*create)(T*), const Filter& filter, FrameKind kind)
      : name_(std::move(name)) {
    prepare(create);
    std::vector<std::uint8_t> object;  // libbpf keeps nothing of it
    bpf_object_skeleton& parts = *skeleton_->skeleton;
    if (!filter.empty()) {
      object = with_expression({static_cast<const std::uint8_t*>(parts.data), parts.data_sz},
                               filter, kind);
      parts.data = object.data();
    }
    open();
    skeleton_->rodata->has_expression = filter.empty() ? 0 : 1;
  }

  void load() { log_.check(T::load(skeleton_.get()), "load BPF programs of " + name_); }

  T* operator->() const noexcept { return skeleton_.get(); }

 private:
  struct Destroy {
    void operator()(T* skeleton) const noexcept { T::destroy(skeleton); }
  };

  void prepare(int (*create)(T*)) {
    skeleton_.reset(static_cast<T*>(std::calloc(1, sizeof(T))));
    if (!skeleton_ || create(skeleton_.get()) != 0) throw_errno(ENOMEM, "open BPF object " + name_);
  }
  void open() {
    log_.check(bpf_object__open_skeleton(skeleton_->skeleton, nullptr), "open BPF object " + name_);
  }

  LibbpfLog log_;
  std::string name_;
  std::unique_ptr<T, Destroy> skeleton_;
};

/// Both are opened, `from` is loaded: `to` will be loaded on the maps of `from`, variables
/// included. Constants (.rodata) stay its own.
void share_maps(const bpf_object* from, bpf_object* to);

}  // namespace gray
