#include "eval/remote_judge.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "eval/chat_reply.h"
#include "http/http.h"

namespace urial::eval {
namespace {

constexpr std::size_t kLongestMessage = 300;
constexpr std::size_t kLettersPerToken = 4;
/// Without a connection so many times in a row, the rest of a run would only become a list of failures.
constexpr int kMostUnreached = 24;
/// Roles, separators and the start of the answer.
constexpr std::size_t kTokensPerMessage = 8;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string shorten(std::string text) {
    if (text.size() <= kLongestMessage) return text;
    text.resize(kLongestMessage);
    text.resize(complete_utf8_length(text));
    return text + "...";
}

/// Refuses what is no plain address of a server. The message repeats nothing that could be a password.
void check_base_url(const std::string& text) {
    switch (http::form_of_address(text)) {
        case http::AddressForm::Plain: return;
        case http::AddressForm::NoAddress:
            throw error(ErrorKind::BadInput, "'{}' is no address of a server; https://HOST/v1 is needed",
                        text.find('@') != std::string::npos ? "..." : printable(text));
        case http::AddressForm::MayHoldSecret:
            throw Error(ErrorKind::BadInput,
                        "the address of a judge has a user name, a query or a fragment: these would be written into "
                        "the run; give https://HOST/v1 alone and the key in OPENAI_API_KEY");
    }
}

bool is_retryable(int status) {
    return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

/// What a gateway says when the server behind it may be at work on the request all the same.
bool may_be_at_work(int status) { return status == 408 || status == 502 || status == 504 || status == 524; }

bool mentions(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

}  // namespace

RemoteJudge::RemoteJudge(RemoteJudgeOptions options) : options_(std::move(options)) {
    check_base_url(options_.base_url);
    while (options_.base_url.ends_with('/')) options_.base_url.pop_back();
    options_.key = trim(options_.key);
    const auto is_plain = [](char c) { return c > ' ' && c <= '~'; };
    if (!std::ranges::all_of(options_.key, is_plain)) {
        throw Error(ErrorKind::BadInput, "the key has a blank or a byte that is no ASCII: look at OPENAI_API_KEY");
    }
}

std::size_t RemoteJudge::count_tokens(const JudgeRequest& request, const Json& schema) const {
    return estimate_tokens(request.system) + estimate_tokens(request.user) + 2 * kTokensPerMessage +
           (schema.is_null() ? 0 : estimate_tokens(schema.dump()));
}

Json RemoteJudge::body_of(const JudgeRequest& request, const Json& schema, std::size_t max_tokens) const {
    Json body{{"model", options_.model}};
    body["messages"] = Json::array();
    if (!request.system.empty()) body["messages"].push_back({{"role", "system"}, {"content", request.system}});
    body["messages"].push_back({{"role", "user"}, {"content", request.user}});
    body[old_token_limit_ ? "max_tokens" : "max_completion_tokens"] = max_tokens;
    if (sends_temperature_) body["temperature"] = 0;
    if (sends_schema_ && !schema.is_null()) {
        Json format{{"name", "verdict"}, {"strict", true}};
        format["schema"] = schema;
        body["response_format"] = Json{{"type", "json_schema"}};
        body["response_format"]["json_schema"] = std::move(format);
    }
    return body;
}

JudgeReply RemoteJudge::ask(const JudgeRequest& request, const Json& schema, std::size_t max_tokens) {
    const Json body = body_of(request, schema, max_tokens);
    http::PostRequest post{options_.base_url + "/chat/completions", options_.key, {}, options_.timeout, {}, {}};
    post.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    JudgeReply reply;
    reply.request = http::redact(post.body, options_.key);
    const http::Reply answer = http::post(post);
    if (answer.failure.empty() && answer.status == 200) {
        if (auto read = parse_chat_reply(answer.body)) {
            reply.text = http::redact(std::move(read->text), options_.key);
            reply.usage = read->usage;
            unreached_ = 0;
            return reply;
        }
    }
    reply.failure = failure_of(answer, body);
    return reply;
}

JudgeFailure RemoteJudge::failure_of(const http::Reply& answer, const Json& sent) {
    JudgeFailure failure;
    if (!answer.failure.empty()) {
        check_connection(answer);
        return {true, answer.failure, std::nullopt, answer.sent};
    }
    unreached_ = 0;
    const std::string message = message_of(answer);
    failure.message = fmt::format("status {}: {}", answer.status, message);
    if (answer.status == 200) {
        failure.message = "not a chat completion: " + message;
        failure.retryable = true;
        failure.may_be_billed = true;
        return failure;
    }
    if ((answer.status == 400 || answer.status == 422) && drop_refused(server_message(answer.body), sent)) {
        failure.retryable = true;
        failure.retry_after = std::chrono::seconds(0);
        return failure;
    }
    check_status(answer, message);
    failure.retryable = is_retryable(answer.status);
    failure.may_be_billed = may_be_at_work(answer.status);
    if (const auto found = answer.headers.find("retry-after"); found != answer.headers.end()) {
        failure.retry_after = http::parse_retry_after(found->second);
    }
    return failure;
}

void RemoteJudge::check_connection(const http::Reply& answer) {
    const bool hopeless = !answer.sent && ++unreached_ >= kMostUnreached;
    if (answer.may_pass && !hopeless) return;
    throw error(ErrorKind::Unavailable, "{} cannot be reached: {}", options_.base_url, answer.failure);
}

bool RemoteJudge::drop_refused(std::string_view complaint, const Json& sent) {
    // Requests in flight at the same time are refused for the same thing: each is worth another try.
    if (sent.contains("response_format") && mentions(complaint, {"response_format", "schema", "grammar"})) {
        sends_schema_ = false;
        return true;
    }
    if (sent.contains("max_tokens") && mentions(complaint, {"max_completion_tokens"})) {
        old_token_limit_ = false;
        return true;
    }
    if (sent.contains("temperature") && mentions(complaint, {"temperature"})) {
        sends_temperature_ = false;
        return true;
    }
    return false;
}

void RemoteJudge::check_status(const http::Reply& answer, std::string_view message) const {
    const int status = answer.status;
    if (status / 100 == 3) {
        throw error(ErrorKind::BadInput,
                    "{} answers with a redirect ({}), which is not followed: name the address where it leads",
                    options_.base_url, status);
    }
    if (status == 401 || status == 403) {
        throw error(ErrorKind::BadInput, "{} refuses the key (status {}): {}\n{}", options_.base_url, status, message,
                    options_.key.empty() ? "set OPENAI_API_KEY" : "look at OPENAI_API_KEY and at what it may do");
    }
    if (status == 404 || status == 405) {
        throw error(ErrorKind::NotFound, "{} knows no model \"{}\" or is no such endpoint (status {}): {}",
                    options_.base_url, options_.model, status, message);
    }
    if (status == 402 || (status == 429 && mentions(answer.body, {"insufficient_quota"}))) {
        throw error(ErrorKind::Unavailable, "the account at {} has nothing left (status {}): {}", options_.base_url,
                    status, message);
    }
}

std::string RemoteJudge::message_of(const http::Reply& answer) const {
    std::string message = shorten(http::redact(server_message(answer.body), options_.key));
    return message.empty() ? "no message" : message;
}

std::optional<RemoteAddress> parse_remote_address(std::string_view spec) {
    if (!spec.starts_with("http://") && !spec.starts_with("https://")) return std::nullopt;
    const std::size_t sign = spec.find('#');
    if (sign == std::string_view::npos || sign + 1 == spec.size()) {
        // The address may hold a password: it is not repeated here.
        throw Error(ErrorKind::BadInput,
                    "the model is missing from the judge's address; https://HOST/v1#MODEL is needed");
    }
    return RemoteAddress{std::string(spec.substr(0, sign)), std::string(spec.substr(sign + 1))};
}

std::size_t estimate_tokens(std::string_view text) {
    std::size_t tokens = 0;
    std::size_t letters = 0;
    for (const char c : text) {
        if (is_letter(c)) {
            tokens += letters % kLettersPerToken == 0 ? 1 : 0;
            ++letters;
            continue;
        }
        letters = 0;
        tokens += c == ' ' ? 0 : 1;
    }
    return tokens;
}

}  // namespace urial::eval
