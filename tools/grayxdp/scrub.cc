// `grayxdp scrub`: the key that scrubbing rules name. Never shows it.

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "replay/scrub/key.h"
#include "tools/grayxdp/verbs.h"

namespace gray {

void add_scrub(CLI::App& app, Action& action) {
  auto new_key = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("scrub", "make the key that scrubbing rules name");
  verb->add_option("--new-key", *new_key, "write 32 random bytes into FILE, mode 0600")
      ->type_name("FILE")
      ->required();
  verb->footer(
      "Examples:\n"
      "  grayxdp scrub --new-key scrub.key\n"
      "  printf 'scrub: {key_file: scrub.key, builtin: true}' >rules.yaml\n"
      "  grayxdp replay FILE.pcapng --to http://canary:8080 --scrub rules.yaml");
  verb->callback([new_key, &action] {
    action = [new_key] {
      write_key_file(*new_key);
      std::cout << *new_key << ": 32 bytes, mode 0600\n";
      return static_cast<int>(kExitFine);
    };
  });
}

}  // namespace gray
