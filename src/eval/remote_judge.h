#pragma once

// A judge behind an OpenAI-compatible endpoint: POST BASE/chat/completions. The key goes into the request's header and
// nowhere else; a server that says it back finds it replaced by "[key]".

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "eval/chat_reply.h"
#include "eval/judge.h"
#include "http/client.h"

namespace urial::eval {

struct RemoteJudgeOptions {
    std::string base_url;  ///< "https://host/v1"
    std::string model;
    std::string key;  ///< empty: no Authorization header
    std::chrono::milliseconds timeout{300'000};
};

/// What servers differ in.
struct ChatForm {
    bool sends_schema = true;
    bool sends_temperature = true;
    bool old_token_limit = true;  ///< max_tokens rather than max_completion_tokens
};
/// The body of a request for one judgement.
Json chat_request(const std::string& model, const JudgeRequest& request, const Json& schema, std::size_t max_tokens,
                  const ChatForm& form);

class RemoteJudge final : public Judge {
public:
    /// Throws Error{BadInput} for an address that is none (or holds a password) and for a key that no header can carry.
    explicit RemoteJudge(RemoteJudgeOptions options);

    const std::string& name() const override { return model_; }
    std::size_t count_tokens(const JudgeRequest& request, const Json& schema) const override;
    /// One HTTP request each. A server that refuses `response_format`, `max_tokens` or `temperature` is asked without
    /// it (or by its other name) from then on; the refused request is a failure that may be retried at once.
    JudgeReply ask(const JudgeRequest& request, const Json& schema, std::size_t max_tokens) override;

private:
    Json body_of(const JudgeRequest& request, const Json& schema, std::size_t max_tokens) const;
    JudgeFailure failure_of(const http::Reply& answer, const Json& sent);
    bool drop_refused(std::string_view complaint, const Json& sent);
    /// Throws when trying again is of no use.
    void check_connection(const http::Reply& answer);

    const http::Server& server() const { return client_.servers().front(); }

    std::string model_;
    http::Client client_;
    std::atomic<bool> sends_schema_{true};
    std::atomic<bool> sends_temperature_{true};
    std::atomic<bool> old_token_limit_{true};  ///< max_tokens rather than max_completion_tokens
    std::atomic<int> unreached_{0};            ///< requests in a row that found no server
};

/// About how many tokens a text has, rather too many than too few for what people write: a word counts a token per four
/// letters, digits and signs one each, other scripts one per byte.
std::size_t estimate_tokens(std::string_view text);

}  // namespace urial::eval
