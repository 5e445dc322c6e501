// Trials for tests, made from what production and the canary answered.
#pragma once

#include <string>
#include <utility>

#include "replay/send/trial.h"

namespace gray {

inline Response response_of(int status, Headers headers, std::string body) {
  Response response;
  response.version = "1.1";
  response.status = status;
  response.headers = std::move(headers);
  response.body_bytes = body.size();
  response.body = std::move(body);
  response.complete = true;
  response.first_byte_ns = 2'000'000;
  response.last_byte_ns = 2'000'000;
  return response;
}

inline Response json_response(std::string body) {
  return response_of(200, {{"Content-Type", "application/json"}}, std::move(body));
}

/// A trial that was answered after 3 ms, 1 ms in production.
inline Trial trial_of(Response production, Response canary) {
  Trial trial;
  trial.exchange->id.bytes = {1, 2, 3};
  trial.exchange->request.method = "GET";
  trial.exchange->request.target = "/price/1";
  trial.exchange->request.authority = "shop.example";
  trial.exchange->request.first_byte_ns = 1'000'000;
  trial.exchange->request.last_byte_ns = 1'000'000;
  trial.exchange->response = std::move(production);
  trial.outcome = SendOutcome::Answered;
  trial.canary = std::move(canary);
  trial.latency_ns = 3'000'000;
  return trial;
}

inline Trial failed_trial(SendOutcome outcome, std::string error) {
  Trial trial = trial_of(json_response("{}"), {});
  trial.canary.reset();
  trial.outcome = outcome;
  trial.error = std::move(error);
  trial.latency_ns = 0;
  return trial;
}

}  // namespace gray
