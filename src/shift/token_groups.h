#pragma once

// A coarse kind for a token by its text, to see at a glance what alignment changed. The rule and its word lists are in
// docs/shift.md. Pure.

#include <string_view>

namespace urial::shift {

enum class TokenGroup {
    GreetingHedging,  ///< "Sure", "sorry", " cannot", " might", ...
    Discourse,        ///< "However", "First", "Here", list numbers and bullets, ...
    FunctionWord,     ///< "the", " and", "'s", ... that are in neither list above
    Punctuation,      ///< no letter and no digit: punctuation, whitespace, markup
    EndOfAnswer,      ///< the last token of an answer, written <...>: a control token
    Content,          ///< everything else
};

/// `is_last`: it ends its answer. Elsewhere a token written <...> is markup.
TokenGroup token_group(std::string_view piece, bool is_last = false);
/// Whether it is the token that ends an answer: the group EndOfAnswer.
bool ends_answer(std::string_view piece, bool is_last);
/// "greeting and hedging", ...
std::string_view name(TokenGroup group);

}  // namespace urial::shift
