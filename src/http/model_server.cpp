#include <algorithm>
#include <initializer_list>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "http/client.h"

namespace urial::http {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kLongestMessage = 300;

/// nullptr unless `json` is an object with that key.
const ordered_json* find(const ordered_json* json, std::string_view key) {
    if (json == nullptr || !json->is_object()) return nullptr;
    const auto found = json->find(key);
    return found == json->end() ? nullptr : &*found;
}

std::string shorten(std::string text) {
    if (text.size() <= kLongestMessage) return text;
    text.resize(kLongestMessage);
    text.resize(complete_utf8_length(text));
    return text + "...";
}

}  // namespace

Outcome outcome_of(const Reply& reply) {
    if (!reply.failure.empty()) return reply.may_pass ? Outcome::Broken : Outcome::Refused;
    const int status = reply.status;
    if (status / 100 == 2) return Outcome::Done;
    if (status == 429 || status == 503 || status == 529) return Outcome::Busy;
    if (status == 408 || status == 409 || status == 425 || status >= 500) return Outcome::Broken;
    return Outcome::Refused;
}

Attempt attempt_of(const Reply& reply) {
    Attempt attempt;
    attempt.outcome = outcome_of(reply);
    attempt.reached = reply.sent;
    if (attempt.outcome == Outcome::Done) return attempt;
    attempt.reason = reply.failure;
    if (!reply.failure.empty()) return attempt;
    attempt.reason = fmt::format("status {}", reply.status);
    if (const auto found = reply.headers.find("retry-after"); found != reply.headers.end()) {
        attempt.retry_after = parse_retry_after(found->second);
    }
    return attempt;
}

std::optional<ModelAddress> parse_model_address(std::string_view spec) {
    if (!spec.starts_with("http://") && !spec.starts_with("https://")) return std::nullopt;
    const std::size_t sign = spec.find('#');
    if (sign == std::string_view::npos || sign + 1 == spec.size()) {
        // The address may hold a password: it is not repeated here.
        throw Error(ErrorKind::BadInput,
                    "the model is missing from the server's address; https://HOST/v1#MODEL is needed");
    }
    return ModelAddress{std::string(spec.substr(0, sign)), std::string(spec.substr(sign + 1))};
}

std::string server_message(std::string_view bytes) {
    const ordered_json body = try_parse_json(bytes).value_or(nullptr);
    std::string text(bytes);
    const ordered_json* problem = find(&body, "error");
    const ordered_json* message = find(problem, "message");
    if (message == nullptr) message = problem != nullptr ? problem : find(&body, "message");
    if (message != nullptr && message->is_string()) text = message->get<std::string>();
    std::ranges::replace(text, '\n', ' ');
    return printable(replace_invalid_utf8(trim(text)));
}

std::string short_message(const Reply& reply, const Server& server) {
    std::string message = shorten(redact(server_message(reply.body), server.key));
    return message.empty() ? "no message" : message;
}

void check_status(const Reply& reply, const Server& server, std::string_view model) {
    const int status = reply.status;
    if (!reply.failure.empty()) return;
    if (status / 100 == 3) {
        throw error(ErrorKind::BadInput,
                    "{} answers with a redirect ({}), which is not followed: name the address where it leads",
                    server.base_url, status);
    }
    if (status == 401 || status == 403) {
        throw error(ErrorKind::BadInput, "{} refuses the key (status {}): {}\n{}", server.base_url, status,
                    short_message(reply, server),
                    server.key.empty() ? fmt::format("set {}", server.key_name)
                                       : fmt::format("look at {} and at what it may do", server.key_name));
    }
    if (status == 404 || status == 405) {
        throw error(ErrorKind::NotFound, "{} knows no model \"{}\" or is no such endpoint (status {}): {}",
                    server.base_url, model, status, short_message(reply, server));
    }
    if (status == 402 || (status == 429 && reply.body.find("insufficient_quota") != std::string::npos)) {
        throw error(ErrorKind::Unavailable, "the account at {} has nothing left (status {}): {}", server.base_url,
                    status, short_message(reply, server));
    }
}

}  // namespace urial::http
