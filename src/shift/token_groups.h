#pragma once

// A coarse kind for a token by its text, to see at a glance what alignment changed. The rule and its word lists are in
// docs/shift.md. Pure.

#include <string_view>

namespace urial::shift {

enum class TokenGroup {
    GreetingHedging,  ///< "Sure", "sorry", " cannot", " might", ...
    Discourse,        ///< "However", "First", "Here", list numbers and bullets, ...
    Punctuation,      ///< no letter and no digit: punctuation, whitespace, markup
    EndOfAnswer,      ///< a control token: written <...>
    Content,          ///< everything else
};

TokenGroup token_group(std::string_view piece);
/// "greeting and hedging", ...
std::string_view name(TokenGroup group);

}  // namespace urial::shift
