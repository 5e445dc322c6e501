// A bpftool skeleton with one owner: opened by the constructor, loaded by load(). Private to this
// module. libbpf says nothing on stderr (GRAYXDP_DEBUG set: everything); what it complained about
// last goes into the exception.
#pragma once

#include <cerrno>
#include <memory>
#include <string>

#include "userspace/base/errors.h"

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
  /// `name` as in messages: "tap".
  explicit Skeleton(std::string name) : name_(std::move(name)), skeleton_(T::open()) {
    if (!skeleton_) throw_errno(errno, "open BPF object " + name_);
  }

  void load() { log_.check(T::load(skeleton_.get()), "load BPF programs of " + name_); }

  T* operator->() const noexcept { return skeleton_.get(); }

 private:
  struct Destroy {
    void operator()(T* skeleton) const noexcept { T::destroy(skeleton); }
  };

  LibbpfLog log_;
  std::string name_;
  std::unique_ptr<T, Destroy> skeleton_;
};

}  // namespace gray
