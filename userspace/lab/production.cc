#include "userspace/lab/production.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

namespace gray {
namespace {

constexpr const char* kConfig = R"(
load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
user root; worker_processes 1; daemon off; pid {0}/nginx.pid; error_log {0}/error.log;
events {{ worker_connections 4096; }}
http {{
  log_format full escape=none '$request_method $request_uri $status'
    ' authorization=$http_authorization cookie=$http_cookie gray=$http_x_gray_replay'
    ' id=$http_x_id body=$request_body';
  access_log {0}/access.log full;
  client_body_temp_path {0}/b; proxy_temp_path {0}/p; fastcgi_temp_path {0}/f;
  uwsgi_temp_path {0}/u; scgi_temp_path {0}/s;
  client_body_in_single_buffer on; keepalive_requests 1000000; default_type application/json;
  server {{
    listen {1}:80 backlog=4096;
    {2}
    location = /ready {{ access_log off; return 204; }}
    {3}
  }}
}}
)";
constexpr const char* kDefaultLocation = R"(location / { return 200 '{"path":"$uri","n":1}'; })";

}  // namespace

Nginx::Nginx(const Namespace& where, const std::string& address, const std::string& locations) {
  const std::string config = dir_ / "nginx.conf";
  std::ofstream(config) << fmt::format(
      kConfig, dir_.path().string(), address, locations,
      locations.find("location / {") == std::string::npos ? kDefaultLocation : "");
  process_ = where.spawn({"nginx", "-e", dir_ / "error.log", "-c", config});
  for (int i = 0; i < 100; ++i) {
    const RunResult ready = where.run({"curl", "-sf", "http://" + address + "/ready"});
    if (ready.ok()) return;
    if (!process_.running()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw std::runtime_error("nginx does not answer: " + process_.err() +
                           read_text(dir_ / "error.log"));
}

std::string Nginx::log() const {
  return read_text(dir_ / "access.log");
}

std::vector<std::string> Nginx::targets(const std::string& method) const {
  std::vector<std::string> found;
  std::istringstream lines(log());
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string verb;
    std::string target;
    words >> verb >> target;
    if (method.empty() || verb == method) found.push_back(target);
  }
  std::sort(found.begin(), found.end());
  return found;
}

ProductionLab::ProductionLab()
    : users(lab.ns("users")), production(lab.ns("production")), canary(lab.ns("canary")) {
  lab.link(users, "va", production, "vb");
  lab.link(production, "vc", canary, "vd");
  lab.address("va", "10.9.0.1/24");
  lab.address("vb", "10.9.0.2/24");
  lab.address("vc", "10.9.1.1/24");
  lab.address("vd", "10.9.1.2/24");
}

RunResult ProductionLab::grayxdp(Argv arguments, std::chrono::milliseconds timeout) const {
  arguments.insert(arguments.begin(), built_binary("grayxdp"));
  return production.run(arguments, timeout);
}

Process ProductionLab::start_grayxdp(Argv arguments) const {
  arguments.insert(arguments.begin(), built_binary("grayxdp"));
  Process process = production.spawn(arguments);
  for (int i = 0; i < 200; ++i) {
    if (process.err().find(" (") != std::string::npos) return process;
    if (!process.running()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  throw std::runtime_error("grayxdp did not start: " + process.err());
}

std::string ProductionLab::curl(Argv arguments) const {
  arguments.insert(arguments.begin(), {"curl", "-s", "--max-time", "5"});
  return users.must_run(arguments);
}

int interrupt(Process& process) {
  process.signal(SIGINT);
  return process.wait(std::chrono::seconds(20)).value_or(-1);
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    nlohmann::json value = nlohmann::json::parse(line, nullptr, false);
    if (!value.is_discarded()) values.push_back(std::move(value));
  }
  return values;
}

nlohmann::json stage_of(const nlohmann::json& summary, const std::string& name) {
  for (const nlohmann::json& stage : summary.at("ledger"))
    if (stage.at("stage") == name) return stage;
  return nullptr;
}

}  // namespace gray
