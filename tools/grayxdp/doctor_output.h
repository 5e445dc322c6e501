// What `doctor` found, for people and for programs. Names in the JSON do not change.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "tools/grayxdp/interface_report.h"

namespace gray {

struct DoctorReport {
  std::vector<Probe> kernel;
  std::vector<Probe> capabilities;
  std::vector<Probe> confinement;
  LibraryVersions libraries;
  std::vector<InterfaceReport> interfaces;
  bool in_depth = false;  ///< one interface was asked for: all of it is told

  /// Nothing is missing that a verb needs.
  bool fine() const;
};

void print(std::ostream& out, const DoctorReport& report);
void print_json(std::ostream& out, const DoctorReport& report);

}  // namespace gray
