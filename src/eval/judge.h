#pragma once

// A judge: a chat model that is asked one request at a time, local or remote. What a run does with it is in
// judge_run.h.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "eval/rubric.h"

namespace urial::eval {

struct Usage {
    std::size_t prompt_tokens = 0;
    std::size_t completion_tokens = 0;
};

/// Why no reply came. Retryable: the same request may succeed later (429, 5xx, a cut connection, a timeout).
struct JudgeFailure {
    bool retryable = false;
    std::string message;                              ///< for people; never holds a key
    std::optional<std::chrono::seconds> retry_after;  ///< what the server asked for
    bool may_be_billed = false;  ///< the request was sent and how it ended there is not known: a timeout, garbage
};

struct JudgeReply {
    std::string text;            ///< as received; empty after a failure
    std::optional<Usage> usage;  ///< where the judge says it
    std::optional<JudgeFailure> failure;
    std::string request;  ///< what was sent, as JSON without secrets: kept beside the record
};

/// Asked from several threads at once.
class Judge {
public:
    virtual ~Judge() = default;

    /// Stands in every record: "gpt-4o", or a local file's stem.
    virtual const std::string& name() const = 0;

    /// Tokens of the request with its schema (null: none): exact for a local model, an upper estimate for a remote one.
    virtual std::size_t count_tokens(const JudgeRequest& request, const Json& schema) const = 0;

    /// Blocks until the reply is there. `schema` (sent_schema()) constrains it where the judge can. What the server or
    /// the model does wrong is a JudgeFailure, never an exception; Error is thrown for what no retry can change (a
    /// refused key, an unknown model).
    virtual JudgeReply ask(const JudgeRequest& request, const Json& schema, std::size_t max_tokens) = 0;

    /// The run was interrupted. A judge whose replies cost nothing ends those under way, and all later ones, as
    /// retryable failures; others finish them, as they are paid for.
    virtual void interrupt() {}
};

}  // namespace urial::eval
