#pragma once

// How an answer of a conversation was made: what is kept with it beside its text.

#include <cstdint>
#include <optional>
#include <string>

#include "serve/fields.h"

namespace urial::serve {

struct AnswerFacts {
    std::string model;
    std::string path;          ///< "/v1/chat/completions"
    std::int64_t started = 0;  ///< milliseconds since 1970
    std::optional<std::int64_t> first_token_ms;
    std::optional<std::int64_t> ms;  ///< to its end
    std::optional<std::int64_t> tokens;
    std::optional<std::int64_t> prompt_tokens;
    std::string finish_reason;  ///< empty: none yet
};

Json facts_json(const AnswerFacts& facts);
/// Of a file that is imported: strictly. Throws RequestError.
AnswerFacts read_facts(Fields fields);

}  // namespace urial::serve
