#include "shift/token_groups.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/text.h"

namespace urial::shift {
namespace {

constexpr std::string_view kGreetingHedging[] = {
    "absolutely",    "afraid",    "apologies", "apologize", "appropriate", "assist",    "can't",
    "cannot",        "certainly", "could",     "depending", "depends",     "generally", "glad",
    "good",          "great",     "happy",     "hello",     "help",        "hi",        "hope",
    "likely",        "may",       "might",     "maybe",     "perhaps",     "please",    "possible",
    "sorry",         "sure",      "thank",     "thanks",    "typical",     "typically", "unable",
    "unfortunately", "usually",   "welcome",   "would"};
constexpr std::string_view kDiscourse[] = {
    "additionally", "also",        "although", "another",   "as",        "because", "but",      "conclusion",
    "consider",     "ensure",      "example",  "examples",  "finally",   "first",   "firstly",  "following",
    "for",          "furthermore", "here",     "however",   "important", "in",      "instead",  "it",
    "lastly",       "moreover",    "note",     "one",       "other",     "overall", "remember", "second",
    "secondly",     "similarly",   "since",    "so",        "some",      "step",    "steps",    "such",
    "summary",      "then",        "there",    "therefore", "these",     "third",   "this",     "thus",
    "to",           "ultimately",  "when",     "while"};

bool contains(const std::string_view* begin, const std::string_view* end, std::string_view word) {
    return std::find(begin, end, word) != end;
}

}  // namespace

TokenGroup token_group(std::string_view piece, bool is_last) {
    const std::string_view text = trim(piece);
    const bool tag =
        text.size() > 2 && text.front() == '<' && text.back() == '>' && text.find(' ') == std::string::npos;
    if (tag) return is_last ? TokenGroup::EndOfAnswer : TokenGroup::Punctuation;
    const auto is_word_byte = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte >= 0x80 || std::isalnum(byte) != 0;
    };
    if (std::none_of(text.begin(), text.end(), is_word_byte)) return TokenGroup::Punctuation;
    const std::string word = lower_ascii(text);
    if (contains(std::begin(kGreetingHedging), std::end(kGreetingHedging), word)) return TokenGroup::GreetingHedging;
    if (contains(std::begin(kDiscourse), std::end(kDiscourse), word)) return TokenGroup::Discourse;
    const bool number = std::all_of(word.begin(), word.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    return number && word.size() <= 2 ? TokenGroup::Discourse : TokenGroup::Content;
}

std::string_view name(TokenGroup group) {
    switch (group) {
        case TokenGroup::GreetingHedging: return "greeting and hedging";
        case TokenGroup::Discourse: return "discourse and list markers";
        case TokenGroup::Punctuation: return "punctuation and whitespace";
        case TokenGroup::EndOfAnswer: return "end of answer";
        case TokenGroup::Content: break;
    }
    return "content";
}

}  // namespace urial::shift
