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

/// Closed-class words of English that are in neither list above. The rule: articles and other determiners, pronouns,
/// prepositions, conjunctions, auxiliaries with their contractions, question words, and "not", "no", "yes".
constexpr std::string_view kFunctionWords[] = {
    // articles, determiners
    "a", "all", "an", "any", "both", "each", "either", "every", "few", "less", "many", "more", "most", "much",
    "neither", "several", "that", "the", "those",
    // pronouns
    "anyone", "anything", "everyone", "everything", "he", "her", "hers", "herself", "him", "himself", "his", "i", "its",
    "itself", "me", "mine", "my", "myself", "nobody", "nothing", "our", "ours", "ourselves", "she", "someone",
    "something", "their", "theirs", "them", "themselves", "they", "us", "we", "you", "your", "yours", "yourself",
    "yourselves",
    // prepositions
    "about", "above", "across", "after", "against", "along", "among", "around", "at", "before", "behind", "below",
    "beneath", "beside", "besides", "between", "beyond", "by", "despite", "down", "during", "except", "from", "inside",
    "into", "like", "near", "of", "off", "on", "onto", "out", "outside", "over", "past", "per", "through", "throughout",
    "toward", "towards", "under", "until", "up", "upon", "via", "with", "within", "without",
    // conjunctions
    "and", "if", "nor", "once", "or", "than", "though", "unless", "whereas", "whether", "yet",
    // auxiliaries
    "am", "are", "aren't", "be", "been", "being", "can", "couldn't", "did", "didn't", "do", "does", "doesn't", "doing",
    "don't", "had", "hadn't", "has", "hasn't", "have", "haven't", "having", "is", "isn't", "must", "ought", "shall",
    "should", "shouldn't", "was", "wasn't", "were", "weren't", "will", "won't", "wouldn't",
    // what a tokeniser cuts off a contraction
    "'d", "'ll", "'m", "'re", "'s", "'t", "'ve", "n't",
    // question words, negation
    "how", "no", "not", "what", "where", "which", "who", "whom", "whose", "why", "yes"};

bool contains(const std::string_view* begin, const std::string_view* end, std::string_view word) {
    return std::find(begin, end, word) != end;
}

/// In lower case, with a plain apostrophe for the typographic one.
std::string word_of(std::string_view text) { return replace_all(lower_ascii(text), "\xE2\x80\x99", "'"); }

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
    const std::string word = word_of(text);
    if (contains(std::begin(kGreetingHedging), std::end(kGreetingHedging), word)) return TokenGroup::GreetingHedging;
    if (contains(std::begin(kDiscourse), std::end(kDiscourse), word)) return TokenGroup::Discourse;
    if (contains(std::begin(kFunctionWords), std::end(kFunctionWords), word)) return TokenGroup::FunctionWord;
    const bool number = std::all_of(word.begin(), word.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    return number && word.size() <= 2 ? TokenGroup::Discourse : TokenGroup::Content;
}

bool ends_answer(std::string_view piece, bool is_last) {
    return is_last && token_group(piece, is_last) == TokenGroup::EndOfAnswer;
}

std::string_view name(TokenGroup group) {
    switch (group) {
        case TokenGroup::GreetingHedging: return "greeting and hedging";
        case TokenGroup::Discourse: return "discourse and list markers";
        case TokenGroup::FunctionWord: return "function words";
        case TokenGroup::Punctuation: return "punctuation and whitespace";
        case TokenGroup::EndOfAnswer: return "end of answer";
        case TokenGroup::Content: break;
    }
    return "content";
}

}  // namespace urial::shift
