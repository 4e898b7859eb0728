#include "remote/token_wire.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "shift/record.h"

namespace urial::remote {
namespace {

using nlohmann::ordered_json;
using shift::ListedStats;
using shift::TopToken;

/// vLLM's word for a probability of 0, which JSON has no number for.
constexpr double kImpossible = -9999;
/// A log-probability may be above 0 by what rounding makes of a sum.
constexpr double kMostLogp = 1e-3;

template <typename... Args>
WrongReply wrong(fmt::format_string<Args...> format, Args&&... args) {
    return WrongReply(fmt::format(format, std::forward<Args>(args)...));
}

const ordered_json& at(const ordered_json& json, const char* key) {
    if (!json.is_object()) throw wrong("no object with \"{}\"", key);
    const auto found = json.find(key);
    if (found == json.end()) throw wrong("no \"{}\"", key);
    return *found;
}

const ordered_json& list_at(const ordered_json& json, const char* key) {
    const ordered_json& list = at(json, key);
    if (!list.is_array()) throw wrong("\"{}\" is no list", key);
    return list;
}

const ordered_json& only_choice(const ordered_json& reply) {
    const ordered_json& choices = list_at(reply, "choices");
    if (choices.size() != 1) throw wrong("{} choices instead of one", choices.size());
    return choices.front();
}

Token token_of(const ordered_json& value) {
    const std::optional<Token> token = shift::token_in(value);
    if (!token || *token < 0) throw wrong("{} is no token id", printable(value.dump()).substr(0, 40));
    return *token;
}

std::vector<Token> tokens_of(const ordered_json& list) {
    std::vector<Token> tokens;
    for (const ordered_json& value : list) tokens.push_back(token_of(value));
    return tokens;
}

double logp_of(const ordered_json& value, std::size_t position) {
    if (!value.is_number()) throw wrong("position {} has no log-probability", position);
    const double logp = value.get<double>();
    if (!(logp <= kMostLogp)) throw wrong("position {} has the log-probability {}", position, logp);
    return logp <= kImpossible ? -std::numeric_limits<double>::infinity() : std::min(logp, 0.0);
}

std::string text_in(const ordered_json& value) {
    return value.is_string() ? replace_invalid_utf8(value.get<std::string>()) : std::string();
}

std::vector<Token> all_tokens(const TokenQuery& query) {
    std::vector<Token> tokens = query.prompt;
    tokens.insert(tokens.end(), query.answer.begin(), query.answer.end());
    return tokens;
}

/// What was said of one position.
struct Said {
    double logp = 0;                         // of the answer's token
    std::optional<std::uint32_t> rank = {};  // as the server counts
    std::vector<TopToken> top = {};
};

ListedStats stats_of(Said said, Token token, std::size_t most, std::size_t position) {
    if (said.top.size() < std::min<std::size_t>(2, most) || said.top.size() > most) {
        throw wrong("position {} lists {} tokens instead of {}", position, said.top.size(), most);
    }
    std::ranges::sort(said.top, [](const TopToken& a, const TopToken& b) {
        return std::pair(-a.logp, a.token) < std::pair(-b.logp, b.token);
    });
    const auto same = [](const TopToken& a, const TopToken& b) { return a.token == b.token; };
    std::vector<TopToken> by_id = said.top;
    std::ranges::sort(by_id, {}, &TopToken::token);
    if (std::ranges::adjacent_find(by_id, same) != by_id.end())
        throw wrong("position {} lists a token twice", position);
    const auto found = std::ranges::find(said.top, token, &TopToken::token);
    if (found != said.top.end()) {
        said.rank = static_cast<std::uint32_t>(found - said.top.begin()) + 1;
    } else if (said.logp > said.top.back().logp) {
        throw wrong("position {} does not list its token, which is likelier than others there", position);
    }
    std::erase_if(said.top, [](const TopToken& top) { return std::isinf(top.logp); });
    if (said.top.empty()) throw wrong("position {} lists no possible token", position);
    return {said.rank, said.logp, std::move(said.top)};
}

// ---- vLLM -----------------------------------------------------------------------------------------------------------

/// {"id": {"logprob", "rank", "decoded_token"}, ...}: the list, and the prompt's own token beside it where it is not
/// in.
Said read_vllm_position(const ordered_json& entry, Token token, std::size_t most, std::size_t position,
                        std::map<Token, std::string>& pieces) {
    if (!entry.is_object()) throw wrong("position {} has no log-probabilities", position);
    Said said;
    bool has_own = false;
    for (const auto& [key, value] : entry.items()) {
        Token id = -1;
        const auto [end, failure] = std::from_chars(key.data(), key.data() + key.size(), id);
        if (failure != std::errc() || end != key.data() + key.size() || id < 0) {
            throw wrong("position {} lists \"{}\", which is no token id", position, printable(key).substr(0, 40));
        }
        const double logp = logp_of(at(value, "logprob"), position);
        if (value.contains("decoded_token")) pieces.emplace(id, text_in(value["decoded_token"]));
        said.top.push_back({id, logp});
        if (id != token) continue;
        has_own = true;
        said.logp = logp;
        const ordered_json& rank = at(value, "rank");
        if (!rank.is_number_unsigned() || rank.get<std::uint64_t>() < 1 ||
            rank.get<std::uint64_t>() >= shift::kUnknownRank) {
            throw wrong("position {} has the rank {}", position, printable(rank.dump()).substr(0, 40));
        }
        said.rank = rank.get<std::uint32_t>();
    }
    if (!has_own) throw wrong("position {} does not speak of token {}", position, token);
    if (said.top.size() == most + 1) std::erase_if(said.top, [&](const TopToken& top) { return top.token == token; });
    return said;
}

AnswerScores read_vllm_scores(const ordered_json& reply, const TokenQuery& query) {
    const ordered_json& choice = only_choice(reply);
    const ordered_json& positions = list_at(choice, "prompt_logprobs");
    const std::size_t first = query.prompt.size();
    if (positions.size() != first + query.answer.size()) {
        throw wrong("{} positions instead of {}", positions.size(), first + query.answer.size());
    }
    if (const auto ids = choice.find("prompt_token_ids"); ids != choice.end() && ids->is_array()) {
        if (tokens_of(*ids) != all_tokens(query)) throw wrong("it scored other tokens than those that were sent");
    }
    const std::size_t most = list_length(Software::Vllm, query.top_k);
    AnswerScores scores;
    for (std::size_t i = 0; i < query.answer.size(); ++i) {
        Said said = read_vllm_position(positions[first + i], query.answer[i], most, i, scores.pieces);
        scores.stats.push_back(stats_of(std::move(said), query.answer[i], most, i));
    }
    return scores;
}

WrittenPart read_vllm_written(const ordered_json& reply) {
    const ordered_json& choice = only_choice(reply);
    WrittenPart part;
    part.tokens = tokens_of(list_at(choice, "token_ids"));
    part.text = text_in(at(choice, "text"));
    for (const ordered_json& piece : list_at(at(choice, "logprobs"), "tokens")) part.pieces.push_back(text_in(piece));
    const std::string reason = text_in(at(choice, "finish_reason"));
    if (reason != "stop" && reason != "length")
        throw wrong("the answer ended: \"{}\"", printable(reason).substr(0, 40));
    part.has_ended = reason == "stop";
    return part;
}

// ---- SGLang ---------------------------------------------------------------------------------------------------------

/// [log-probability, id, text or null]
TopToken read_triple(const ordered_json& triple, std::size_t position, std::map<Token, std::string>& pieces) {
    if (!triple.is_array() || triple.size() < 2) throw wrong("position {} is no [log-probability, id, text]", position);
    const Token token = token_of(triple[1]);
    if (triple.size() > 2 && triple[2].is_string()) pieces.emplace(token, text_in(triple[2]));
    return {token, logp_of(triple[0], position)};
}

/// The last entries are those of the answer; how many stand before them depends on the version.
AnswerScores read_sglang_scores(const ordered_json& reply, const TokenQuery& query) {
    const ordered_json& meta = at(reply, "meta_info");
    const ordered_json& own = list_at(meta, "input_token_logprobs");
    const ordered_json& lists = list_at(meta, "input_top_logprobs");
    const std::size_t count = query.answer.size();
    if (own.size() < count || lists.size() < count) {
        throw wrong("{} positions and {} lists instead of {}", own.size(), lists.size(), count);
    }
    const std::size_t most = list_length(Software::SgLang, query.top_k);
    AnswerScores scores;
    for (std::size_t i = 0; i < count; ++i) {
        const TopToken token = read_triple(own[own.size() - count + i], i, scores.pieces);
        if (token.token != query.answer[i])
            throw wrong("position {} is of token {}, {} was sent", i, token.token, query.answer[i]);
        const ordered_json& list = lists[lists.size() - count + i];
        if (!list.is_array()) throw wrong("position {} has no list", i);
        Said said{.logp = token.logp};
        for (const ordered_json& triple : list) said.top.push_back(read_triple(triple, i, scores.pieces));
        scores.stats.push_back(stats_of(std::move(said), token.token, most, i));
    }
    return scores;
}

WrittenPart read_sglang_written(const ordered_json& reply) {
    const ordered_json& meta = at(reply, "meta_info");
    WrittenPart part;
    part.text = text_in(at(reply, "text"));
    std::map<Token, std::string> pieces;
    for (const ordered_json& triple : list_at(meta, "output_token_logprobs")) {
        part.tokens.push_back(read_triple(triple, part.tokens.size(), pieces).token);
        part.pieces.push_back(pieces[part.tokens.back()]);
    }
    const std::string reason = text_in(at(at(meta, "finish_reason"), "type"));
    if (reason != "stop" && reason != "length")
        throw wrong("the answer ended: \"{}\"", printable(reason).substr(0, 40));
    part.has_ended = reason == "stop";
    return part;
}

ordered_json sglang_sampling(int max_tokens) {
    return {{"max_new_tokens", max_tokens}, {"temperature", 0}, {"top_p", 1}, {"top_k", -1}, {"min_p", 0},
            {"repetition_penalty", 1}};
}

}  // namespace

Inquiry tokenize_text(const std::string& model, std::string_view text, bool begins_prompt) {
    return {"/tokenize", true, {{"model", model}, {"prompt", text}, {"add_special_tokens", begins_prompt}}};
}

Inquiry tokenize_chat(const std::string& model, const std::vector<engine::ChatMessage>& messages) {
    ordered_json body{{"model", model}, {"messages", ordered_json::array()}};
    for (const engine::ChatMessage& message : messages) {
        body["messages"].push_back({{"role", message.role}, {"content", message.content}});
    }
    body["add_generation_prompt"] = true;
    body["add_special_tokens"] = false;  // the template writes them
    return {"/tokenize", true, std::move(body)};
}

std::vector<Token> read_tokens(const ordered_json& reply) { return tokens_of(list_at(reply, "tokens")); }

std::size_t list_length(Software software, std::size_t top_k) {
    const std::size_t most = std::max<std::size_t>(2, top_k);
    return software == Software::SgLang ? std::max<std::size_t>(most, shift::kRankCap) : most;
}

ordered_json tie_rule(Software software) {
    ordered_json rule{{"in_list", "the smaller id first"}};
    if (software == Software::SgLang) {
        rule["beyond"] = "no rank";
    } else {
        rule["beyond"] = "the worst of equals";
    }
    return rule;
}

Inquiry score_request(Software software, const TokenQuery& query) {
    const std::size_t most = list_length(software, query.top_k);
    if (software == Software::SgLang) {
        // The first entry never has a log-probability.
        return {"/generate",
                true,
                {{"input_ids", all_tokens(query)},
                 {"sampling_params", sglang_sampling(1)},
                 {"return_logprob", true},
                 {"logprob_start_len", query.prompt.size() - 1},
                 {"top_logprobs_num", most},
                 {"return_text_in_logprobs", true}}};
    }
    return {"/completions",
            false,
            {{"model", query.model},
             {"prompt", all_tokens(query)},
             {"max_tokens", 1},
             {"temperature", 0},
             {"prompt_logprobs", most},
             {"return_token_ids", true}}};
}

AnswerScores read_scores(Software software, const ordered_json& reply, const TokenQuery& query) {
    return software == Software::SgLang ? read_sglang_scores(reply, query) : read_vllm_scores(reply, query);
}

Inquiry write_request(Software software, const TokenQuery& query) {
    if (software == Software::SgLang) {
        return {"/generate",
                true,
                {{"input_ids", query.prompt},
                 {"sampling_params", sglang_sampling(query.max_tokens)},
                 {"return_logprob", true},
                 {"return_text_in_logprobs", true}}};
    }
    Inquiry inquiry{"/completions",
                    false,
                    {{"model", query.model},
                     {"prompt", query.prompt},
                     {"max_tokens", query.max_tokens},
                     {"logprobs", 0},
                     {"return_token_ids", true}}};
    add_sampling(inquiry.body, software, {}, 0);
    return inquiry;
}

WrittenPart read_written(Software software, const ordered_json& reply, const TokenQuery& query) {
    WrittenPart part = software == Software::SgLang ? read_sglang_written(reply) : read_vllm_written(reply);
    const auto most = static_cast<std::size_t>(query.max_tokens);
    if (part.tokens.empty() || part.tokens.size() > most || part.tokens.size() != part.pieces.size()) {
        throw wrong("{} tokens and {} texts, at most {} were asked for", part.tokens.size(), part.pieces.size(), most);
    }
    if (!part.has_ended && part.tokens.size() < most) {
        throw wrong("{} tokens instead of {} and no end", part.tokens.size(), most);
    }
    return part;
}

}  // namespace urial::remote
