#include "eval/remote_judge.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/error.h"
#include "eval/chat_reply.h"
#include "http/http.h"

namespace urial::eval {
namespace {

constexpr std::size_t kLettersPerToken = 4;
/// Without a connection so many times in a row, the rest of a run would only become a list of failures.
constexpr int kMostUnreached = 24;
/// Roles, separators and the start of the answer.
constexpr std::size_t kTokensPerMessage = 8;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// What a gateway says when the server behind it may be at work on the request all the same.
bool may_be_at_work(int status) { return status == 408 || status == 502 || status == 504 || status == 524; }

bool mentions(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

}  // namespace

RemoteJudge::RemoteJudge(RemoteJudgeOptions options)
    : model_(std::move(options.model)),
      client_({{std::move(options.base_url), std::move(options.key), "OPENAI_API_KEY"}}, {.timeout = options.timeout}) {
}

std::size_t RemoteJudge::count_tokens(const JudgeRequest& request, const Json& schema) const {
    return estimate_tokens(request.system) + estimate_tokens(request.user) + 2 * kTokensPerMessage +
           (schema.is_null() ? 0 : estimate_tokens(schema.dump()));
}

Json RemoteJudge::body_of(const JudgeRequest& request, const Json& schema, std::size_t max_tokens) const {
    return chat_request(model_, request, schema, max_tokens, {sends_schema_, sends_temperature_, old_token_limit_});
}

Json chat_request(const std::string& model, const JudgeRequest& request, const Json& schema, std::size_t max_tokens,
                  const ChatForm& form) {
    Json body{{"model", model}};
    body["messages"] = Json::array();
    if (!request.system.empty()) body["messages"].push_back({{"role", "system"}, {"content", request.system}});
    body["messages"].push_back({{"role", "user"}, {"content", request.user}});
    body[form.old_token_limit ? "max_tokens" : "max_completion_tokens"] = max_tokens;
    if (form.sends_temperature) body["temperature"] = 0;
    if (form.sends_schema && !schema.is_null()) {
        Json format{{"name", "verdict"}, {"strict", true}};
        format["schema"] = schema;
        body["response_format"] = Json{{"type", "json_schema"}};
        body["response_format"]["json_schema"] = std::move(format);
    }
    return body;
}

JudgeReply RemoteJudge::ask(const JudgeRequest& request, const Json& schema, std::size_t max_tokens) {
    const Json body = body_of(request, schema, max_tokens);
    std::string text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    JudgeReply reply;
    reply.request = client_.redact(text);
    const http::Reply answer = client_.post_once("/chat/completions", std::move(text));
    if (answer.failure.empty() && answer.status == 200) {
        if (auto read = parse_chat_reply(answer.body)) {
            reply.text = client_.redact(std::move(read->text));
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
    const std::string message = http::short_message(answer, server());
    failure.message = fmt::format("status {}: {}", answer.status, message);
    if (answer.status == 200) {
        failure.message = "not a chat completion: " + message;
        failure.retryable = true;
        failure.may_be_billed = true;
        return failure;
    }
    if ((answer.status == 400 || answer.status == 422) && drop_refused(http::server_message(answer.body), sent)) {
        failure.retryable = true;
        failure.retry_after = std::chrono::seconds(0);
        return failure;
    }
    http::check_status(answer, server(), model_);
    failure.retryable = http::outcome_of(answer) != http::Outcome::Refused;
    failure.may_be_billed = may_be_at_work(answer.status);
    if (const auto found = answer.headers.find("retry-after"); found != answer.headers.end()) {
        failure.retry_after = http::parse_retry_after(found->second);
    }
    return failure;
}

void RemoteJudge::check_connection(const http::Reply& answer) {
    const bool hopeless = !answer.sent && ++unreached_ >= kMostUnreached;
    if (answer.may_pass && !hopeless) return;
    throw error(ErrorKind::Unavailable, "{} cannot be reached: {}", server().base_url, answer.failure);
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
