// The grayxdp command: names the verbs, reads the command line, and turns every error into one line
// and an exit code. What a verb does is in the verb's own file.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/grayxdp/rare_options.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/errors.h"

// Of jemalloc, which release builds use: exchanges are made by one thread and freed by another. What
// was freed is used again rather than given back and faulted in anew.
extern "C" const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:60000";

namespace {

int complain(const std::string& text, int code) {
  std::cerr << "grayxdp: " << text << '\n';
  return code;
}

// CLI11's own messages run over several lines and name options without the verb they belong to.
int complain_about_usage(const CLI::App& app, const CLI::ParseError& error) {
  if (app.get_subcommands().empty() && !app.remaining().empty())
    return complain("no verb '" + app.remaining().front() + "' (see `grayxdp --help`)",
                    gray::kExitUsage);
  std::string verb = "grayxdp";
  for (const CLI::App* chosen : app.get_subcommands()) verb += " " + chosen->get_name();
  std::string text = error.what();
  for (char& c : text)
    if (c == '\n') c = ' ';
  return complain(text + " (see `" + verb + " --help`)", gray::kExitUsage);
}

// A page of help should fit a screen: CLI11 puts two empty lines where one is enough.
class CompactHelp : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    for (const auto& [from, to] : {std::pair("\n\n\n", "\n\n"), {"\n\nOptions:", "\nOptions:"}})
      for (std::size_t at = 0; (at = text.find(from)) != std::string::npos;)
        text.replace(at, std::strlen(from), to);
    return text;
  }
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override {
    if (group == gray::kRareOptions) return {};
    return CLI::Formatter::make_group(std::move(group), is_positional, std::move(options));
  }
};

// An option that may be repeated takes one value each time: in `replay --to URL FILE` the file is
// no second target.
void one_value_an_option(CLI::App& app) {
  for (CLI::App* verb : app.get_subcommands({}))
    for (CLI::Option* option : verb->get_options())
      if (!option->get_positional()) option->allow_extra_args(false);
}

int parse_and_act(CLI::App& app, gray::Action& action, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    return complain_about_usage(app, error);
  }
  return action();
}

}  // namespace

int main(int argc, char** argv) try {
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App app{"Mirrors production traffic and replays it to a canary."};
  app.name("grayxdp");
  app.require_subcommand(1);
  app.formatter(std::make_shared<CompactHelp>());
  app.get_formatter()->column_width(34);
  gray::Action action;
  gray::add_capture(app, action);
  gray::add_flows(app, action);
  gray::add_requests(app, action);
  gray::add_replay(app, action);
  gray::add_mirror(app, action);
  gray::add_rewrite(app, action);
  gray::add_scrub(app, action);
  gray::add_doctor(app, action);
  gray::add_version(app, action);
  one_value_an_option(app);
  return parse_and_act(app, action, argc, argv);
} catch (const gray::UsageError& error) {
  return complain(error.what(), gray::kExitUsage);
} catch (const std::exception& error) {
  return complain(gray::describe(error), gray::kExitFailed);
}
