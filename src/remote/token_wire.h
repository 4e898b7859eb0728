#pragma once

// How vLLM and SGLang are asked for tokens of a text, for answers in tokens, and for what a model says of given tokens;
// and how their replies are read. docs/remote.md has the same for users. Pure functions; the readers throw WrongReply.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/chat_template.h"
#include "remote/model_servers.h"
#include "shift/listed_side.h"

namespace urial::remote {

using engine::Token;

/// What is asked, the same for both kinds of software.
struct TokenQuery {
    std::string model;
    std::vector<Token> prompt;  ///< one token at least
    std::vector<Token> answer;  ///< whose tokens are to be scored
    std::size_t top_k = 10;     ///< entries of the lists
    int max_tokens = 128;       ///< of an answer that is to be written
};

Inquiry tokenize_text(const std::string& model, std::string_view text, bool begins_prompt);
/// The model's own chat form up to the beginning of an answer. vLLM.
Inquiry tokenize_chat(const std::string& model, const std::vector<engine::ChatMessage>& messages);
std::vector<Token> read_tokens(const nlohmann::ordered_json& reply);

/// What the model says of each token of an answer, and the texts of all tokens that it lists.
struct AnswerScores {
    std::vector<shift::ListedStats> stats;
    std::map<Token, std::string> pieces;
};
/// How many tokens are asked for in a list.
std::size_t list_length(Software software, std::size_t top_k);
Inquiry score_request(Software software, const TokenQuery& query);
/// Among the tokens of a list the smaller id counts first. Beyond it the rank is the server's: vLLM counts all tokens
/// with the same log-probability, SGLang says nothing.
AnswerScores read_scores(Software software, const nlohmann::ordered_json& reply, const TokenQuery& query);
/// That rule, for manifests.
nlohmann::ordered_json tie_rule(Software software);

/// A part of an answer that is written greedily.
struct WrittenPart {
    std::vector<Token> tokens;        ///< the token that ends the answer included
    std::vector<std::string> pieces;  ///< of each
    std::string text;                 ///< without the end
    bool has_ended = false;           ///< by a token of the model's own; false: max_tokens were written
};
Inquiry write_request(Software software, const TokenQuery& query);
WrittenPart read_written(Software software, const nlohmann::ordered_json& reply, const TokenQuery& query);

}  // namespace urial::remote
