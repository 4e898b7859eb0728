#include "shift/vocabulary.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace urial::shift {
namespace {

constexpr std::size_t kShownDifferences = 3;
/// A share of ids, in percent, up to which two vocabularies are one with tokens that were added or renamed. Beyond it
/// they are two, and what they happen to share says nothing.
constexpr std::size_t kOfOneFamily = 2;

std::string shown(const engine::Model& model, engine::Token token) {
    if (static_cast<std::size_t>(token) >= model.info().vocabulary_size) return "nothing";
    return "\"" + printable(replace_invalid_utf8(model.piece(token, true))) + "\"";
}

}  // namespace

VocabularyComparison compare_vocabularies(const engine::Model& base, const engine::Model& aligned,
                                          std::size_t allowed) {
    const auto [smaller, larger] = std::minmax(base.info().vocabulary_size, aligned.info().vocabulary_size);
    VocabularyComparison result;
    result.shared_size = smaller;
    result.added = larger - smaller;
    if (&base == &aligned || base.info().content_hash == aligned.info().content_hash) return result;
    for (std::size_t id = 0; id < smaller; ++id) {
        const auto token = static_cast<engine::Token>(id);
        if (base.piece(token, true) != aligned.piece(token, true)) result.different.push_back(token);
    }
    if (result.mismatches() <= allowed) return result;

    std::string examples;
    std::vector<engine::Token> first(result.different);
    for (std::size_t id = smaller; id < larger; ++id) first.push_back(static_cast<engine::Token>(id));
    first.resize(std::min(first.size(), kShownDifferences));
    for (const engine::Token token : first) {
        examples += fmt::format("{}{} is {} in the base and {} in the aligned model", examples.empty() ? "" : "; ",
                                token, shown(base, token), shown(aligned, token));
    }
    const std::string remedy =
        100 * result.mismatches() <= kOfOneFamily * larger
            ? fmt::format("where only added tokens differ, --allow-vocab-mismatch {} compares the rest",
                          result.mismatches())
            : "take two models of one family";
    throw error(ErrorKind::BadInput,
                "the vocabularies differ in {} token ids ({} tokens in {}, {} in {}): {}. Distributions over different "
                "tokens cannot be compared; {}",
                result.mismatches(), base.info().vocabulary_size, base.info().name, aligned.info().vocabulary_size,
                aligned.info().name, examples, remedy);
}

}  // namespace urial::shift
