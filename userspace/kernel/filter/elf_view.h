// Where a function stands in a BPF object (ELF-64, relocatable). The object is our own, out of a
// skeleton, yet its offsets are checked as if it were not. Private to this module and its tests.
#pragma once

#include <elf.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string_view>

namespace gray {

/// A view: the bytes outlive it. Throws std::runtime_error for what is no such file.
class ElfView {
 public:
  explicit ElfView(std::span<const std::uint8_t> bytes) : bytes_(bytes) {
    header_ = at<Elf64_Ehdr>(0);
    if (std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0 ||
        header_.e_ident[EI_CLASS] != ELFCLASS64)
      throw std::runtime_error("BPF object: not a 64-bit ELF file");
  }

  /// One that is defined here.
  struct Function {
    std::size_t offset = 0;  ///< in the file
    std::size_t size = 0;    ///< bytes
    std::uint16_t section = 0;
  };
  Function function(std::string_view name) const {
    for (std::uint16_t i = 0; i < header_.e_shnum; ++i) {
      const Elf64_Shdr table = section(i);
      if (table.sh_type != SHT_SYMTAB) continue;
      for (std::uint64_t entry = 0; entry + sizeof(Elf64_Sym) <= table.sh_size;
           entry += sizeof(Elf64_Sym)) {
        const auto symbol = at<Elf64_Sym>(table.sh_offset + entry);
        if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC &&
            text(section(table.sh_link), symbol.st_name) == name)
          return inside({section(symbol.st_shndx).sh_offset + symbol.st_value, symbol.st_size,
                         symbol.st_shndx});
      }
    }
    throw std::runtime_error(fmt::format("BPF object: no function {}", name));
  }

 private:
  Function inside(const Function& function) const {
    if (function.offset > bytes_.size() || bytes_.size() - function.offset < function.size)
      throw std::runtime_error("BPF object: cut off");
    return function;
  }
  template <class T>
  T at(std::uint64_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T))
      throw std::runtime_error("BPF object: cut off");
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return value;
  }
  Elf64_Shdr section(std::uint32_t index) const {
    return at<Elf64_Shdr>(header_.e_shoff + std::uint64_t{index} * header_.e_shentsize);
  }
  std::string_view text(const Elf64_Shdr& strings, std::uint32_t offset) const {
    const std::uint64_t begin = strings.sh_offset + offset;
    at<char>(begin);
    const auto rest = bytes_.subspan(begin);
    const auto* const first = reinterpret_cast<const char*>(rest.data());
    return {first, strnlen(first, rest.size())};
  }

  std::span<const std::uint8_t> bytes_;
  Elf64_Ehdr header_{};
};

}  // namespace gray
