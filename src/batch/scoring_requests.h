#pragma once

// Requests of `urial shift` in files: what both models of a pair say of the tokens of given answers. vLLM alone takes
// them, as chats whose last message ends with the answer. Pure.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/engine.h"
#include "generate/prompt_source.h"
#include "prompt/prompt.h"

namespace urial::batch {

/// The two files that an export of shift writes, and the order of a pair everywhere: base, aligned.
inline constexpr std::array<const char*, 2> kPairParts{"base", "aligned"};

/// What is asked of one side about one answer.
struct ScoringQuery {
    const prompt::Conversation& conversation;
    std::string_view answer;
    std::size_t top_k = 10;
};
/// The request line; its id is the hash of its body. Throws as PromptSource::for_server().
nlohmann::ordered_json scoring_line(const std::string& model, const generate::PromptSource& prompt,
                                    const ScoringQuery& query);
/// Asks only which tokens a text is.
nlohmann::ordered_json sample_line(const std::string& model, std::string_view text);

/// hash_of_ids() of token ids.
std::string hash_of_tokens(const std::vector<engine::Token>& tokens);

}  // namespace urial::batch
