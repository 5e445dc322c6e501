#include "tools/grayxdp/body_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

#include "replay/content/coding.h"
#include "replay/content/decode.h"
#include "userspace/base/fd.h"

namespace gray {

void BodyFiles::write(const Exchange& exchange, const Schemas& schemas) {
  if (folder_.empty()) return;
  const std::string base = folder_ + "/" + exchange.id.hex();
  write_message(base + ".request", exchange, exchange.request, Side::Request, schemas);
  if (exchange.response)
    write_message(base + ".response", exchange, *exchange.response, Side::Response, schemas);
}

void BodyFiles::write_message(const std::string& path, const Exchange& exchange,
                              const Message& message, Side side, const Schemas& schemas) {
  if (message.body.empty()) return;
  write_file(path, message.body);
  const auto codings = content_codings(message.headers);
  if (codings && !codings->empty()) {
    // As far as it goes: of a body that was cut there is a part, of a bomb the beginning.
    const Decoded plain = decode_body(message);
    if (!plain.problem || !plain.bytes.empty()) write_file(path + ".decoded", plain.bytes);
  }
  if (!exchange.grpc) return;
  const auto json = grpc_json(schemas, exchange.request.target, side, message);
  if (json) write_file(path + ".json", json->text() + '\n');
}

void BodyFiles::write_file(const std::string& path, std::string_view bytes) {
  if (!failure_.empty()) return;
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  while (file && !bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!bytes.empty())
    failure_ = fmt::format("write {}: {}", path, std::generic_category().message(errno));
}

}  // namespace gray
